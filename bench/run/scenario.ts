// The scenarios: what load a gateway gets, which figure is taken from it, and what is aimed at.
import type { AnswerShape, LoadPlan, LoadReport } from '../load/plan.ts'
import type { SubjectName } from '../subjects/subject.ts'

export const defaultNames = ['json', 'stream', 'burst', 'latency', 'idle', 'memory'] as const
export const scenarioNames = [...defaultNames, 'flood'] as const
export type ScenarioName = (typeof scenarioNames)[number]

/** What is aimed at for Tollgate. */
export type Target =
  | Readonly<{ kind: 'ratio'; to: SubjectName; atMost: number }>
  | Readonly<{ kind: 'added'; to: SubjectName; atMost: number }>
  | Readonly<{ kind: 'absolute'; atMost: number }>

export type Pace = Readonly<{ seconds: number; isQuick: boolean }>
type Load = Omit<LoadPlan, 'port' | 'pid' | 'headers'>

export type Scenario = Readonly<{
  title: string
  unit: string
  /** Subjects start once for all rounds, or anew in each when the figure is about a young process. */
  lifetime: 'all rounds' | 'one round'
  roundsMax: number
  without: readonly SubjectName[]
  targets: readonly Target[]
  /** No load: the process is left alone, then its memory is read. */
  load: ((pace: Pace) => Load) | undefined
  /** What a process that stays gets first, where that is not the load itself. */
  warmUp?: (pace: Pace) => Load
  /** `laterUs`: what each request or chunk left to be done after the load. */
  figure(report: LoadReport, laterUs: number): number
}>

const burst = { kind: 'stream', chunks: 500, group: 8 } as const
const megabyte = 2 ** 20
const kilobyte = 2 ** 10

const common = { lifetime: 'all rounds', roundsMax: Infinity, without: [] } as const

export const scenarios: Readonly<Record<ScenarioName, Scenario>> = {
  json: {
    ...common,
    title: 'not streamed, 64 connections',
    unit: 'CPU µs/request',
    targets: [
      { kind: 'ratio', to: 'bare', atMost: 1.5 },
      { kind: 'ratio', to: 'portkey', atMost: 0.1 },
    ],
    load: (pace) => steady(pace, { connections: 64, answer: { kind: 'whole' } }),
    figure: ({ cpuUs, answers }, laterUs) => cpuUs / answers + laterUs,
  },
  stream: {
    ...common,
    title: '500 streams × 50 chunks, one every 20 ms',
    unit: 'CPU µs/chunk',
    targets: [{ kind: 'ratio', to: 'bare', atMost: 1.25 }],
    load: (pace) => ({
      ...steady(pace, {
        connections: 500,
        answer: { kind: 'stream', chunks: 50, group: 1, everyMs: 20 },
      }),
      spreadMs: 1_000,
    }),
    figure: ({ cpuUs, chunks }, laterUs) => cpuUs / chunks + laterUs,
  },
  burst: {
    ...common,
    title: '32 streams × 500 chunks without delay, at one pace for all',
    unit: 'CPU µs/chunk',
    targets: [{ kind: 'ratio', to: 'bare', atMost: 1.15 }],
    // Eight chunks a millisecond and stream: about half of what bare can take. Flat out, the reads of the
    // slower gateway hold more chunks each and cost it less: the ratio would flatter it.
    load: (pace) => steady(pace, { connections: 32, answer: { ...burst, everyMs: 1 } }),
    figure: ({ cpuUs, chunks }, laterUs) => cpuUs / chunks + laterUs,
  },
  flood: {
    ...common,
    title: '32 streams × 500 chunks flat out (flatters the slower gateway)',
    unit: 'CPU µs/chunk',
    targets: [],
    load: (pace) => steady(pace, { connections: 32, answer: { ...burst, everyMs: 0 } }),
    figure: ({ cpuUs, chunks }, laterUs) => cpuUs / chunks + laterUs,
  },
  latency: {
    ...common,
    title: 'one connection, one request after the other',
    unit: 'ms median',
    targets: [{ kind: 'added', to: 'bare', atMost: 0.5 }],
    load: (pace) => steady(pace, { connections: 1, answer: { kind: 'whole' } }),
    // A thousand requests a second are too few for V8 to have compiled all of their path within a run.
    warmUp: (pace) => steady(pace, { connections: 64, answer: { kind: 'whole' } }),
    figure: ({ medianMs }) => medianMs,
  },
  idle: {
    ...common,
    title: 'memory after the start and a quiet moment',
    unit: 'MB resident',
    lifetime: 'one round',
    roundsMax: 3,
    targets: [{ kind: 'absolute', atMost: 110 }],
    load: undefined,
    figure: ({ residentBytes }) => residentBytes.after / megabyte,
  },
  memory: {
    ...common,
    title: 'memory a quiet open stream',
    unit: 'KB/stream',
    lifetime: 'one round',
    roundsMax: 3,
    without: ['portkey'],
    targets: [{ kind: 'ratio', to: 'bare', atMost: 1.25 }],
    load: ({ isQuick }) => quiet(isQuick ? 1_000 : 5_000),
    figure: ({ residentBytes, connections }) =>
      (residentBytes.after - residentBytes.before) / connections / kilobyte,
  },
}

function steady(
  { seconds, isQuick }: Pace,
  { connections, answer }: { connections: number; answer: AnswerShape },
): Load {
  return {
    connections,
    answer,
    spreadMs: 0,
    warmUpMs: isQuick ? 500 : 1_000,
    measureMs: seconds * 1_000,
    drainMs: 20_000,
    answersMax: 1_000_000,
  }
}

/** Here the times are how long a process is left alone before its memory is read. */
function quiet(connections: number): Load {
  return {
    connections,
    answer: { kind: 'quiet', chunks: 3 },
    spreadMs: 2 * connections, // memory is the matter here, and a rush would be shed
    warmUpMs: 2_000,
    measureMs: 3_000,
    drainMs: 20_000,
    answersMax: 100_000,
  }
}
