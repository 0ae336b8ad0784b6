/** What one load run does. It travels to the load process as JSON. */
export type LoadPlan = Readonly<{
  port: number
  /** The gateway's process: its CPU time and memory are read at the borders of the measured window. */
  pid: number
  headers: Readonly<Record<string, string>>
  connections: number
  /** The connections open one by one over this time, so that their streams do not beat in step. */
  spreadMs: number
  answer: AnswerShape
  warmUpMs: number
  measureMs: number
  /** After the window: how long open answers may take to finish before they count as errors. */
  drainMs: number
  /** Ends the window early: keeps a quick gateway's run from growing without bound. */
  answersMax: number
}>

/** The load asks for a shape, in the prompt, and the upstream answers in it. */
export type AnswerShape =
  Readonly<{ kind: 'whole' }> | StreamShape | Readonly<{ kind: 'quiet'; chunks: number }>

/** `group` chunks are written every `everyMs`; 0 is flat out, yielding to the loop between groups. */
export type StreamShape = Readonly<{
  kind: 'stream'
  chunks: number
  group: number
  everyMs: number
}>

export type LoadReport = Readonly<{
  /** Within the measured window. */
  cpuUs: number
  /** Between the end of the load and the moment when the gateway has nothing left to do. */
  laterUs: number
  /** The gateway was ready to run and its core was taken: by its own threads, or by a stranger. */
  waitedUs: number
  connections: number
  seconds: number
  answers: number
  chunks: number
  /** Warm-up and drain too. */
  inAll: Readonly<{ answers: number; chunks: number }>
  medianMs: number
  p99Ms: number
  residentBytes: Readonly<{ before: number; after: number }>
  /** Over the whole run, warm-up and drain too. */
  errors: number
  errorSamples: readonly string[]
}>
