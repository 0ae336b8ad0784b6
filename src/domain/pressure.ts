/** What the process is under, measured over the last second. Shares are of what there is: from 0 to 1. */
export type Strain = Readonly<{
  loopDelayMs: number
  /** Of one core, over the same second. */
  cpuShare: number
  heapShare: number
  memoryShare: number
}>

/** Above these something is refused; Infinity: never. */
export type OverloadSettings = Readonly<{
  loopDelayStreamsMs: number
  loopDelayAllMs: number
  heapShareLargeBodies: number
  heapShareAll: number
  memoryShareLeave: number
  /** Undefined: what the container or the machine has. */
  memoryBytesMax: number | undefined
  /** All bodies of requests in flight together. */
  bodyMemoryBytesMax: number
}>

/** What is not begun any more so that what runs can end well; lists go with the streams. */
export type Refused = 'nothing' | 'streams' | 'all'

export type Pressure = Readonly<{
  refused: Refused
  takesLargeBodies: boolean
  /** Another process should take over: this one will be killed if it goes on. */
  mustLeave: boolean
}>

export const NO_PRESSURE: Pressure = {
  refused: 'nothing',
  takesLargeBodies: true,
  mustLeave: false,
}

/** A loop that is late without having worked so much was kept from working by others: refusing would help nobody. */
const BUSY_CPU_SHARE = 0.5
/** But one that stood still has all that came meanwhile before it. */
const STOOD_STILL_MS = 1_000

export function pressureOf(strain: Strain, settings: OverloadSettings): Pressure {
  const { heapShare, memoryShare } = strain
  const isOwn = strain.cpuShare >= BUSY_CPU_SHARE || strain.loopDelayMs >= STOOD_STILL_MS
  const loopDelayMs = isOwn ? strain.loopDelayMs : 0
  const mustLeave = memoryShare > settings.memoryShareLeave
  const refusesAll =
    mustLeave || loopDelayMs > settings.loopDelayAllMs || heapShare > settings.heapShareAll
  const refusesStreams = loopDelayMs > settings.loopDelayStreamsMs
  return {
    refused: refusesAll ? 'all' : refusesStreams ? 'streams' : 'nothing',
    takesLargeBodies: heapShare <= settings.heapShareLargeBodies,
    mustLeave,
  }
}
