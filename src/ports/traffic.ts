import type { SwitchTarget } from '../domain/switch.ts'

/** Whether a deployment may be asked now, and why not. */
export type DeploymentState = Readonly<{
  kind: 'ready' | 'probing' | 'cooling' | 'open' | 'off' | 'full'
  /** For operators. */
  reason?: string
  /** When it will be asked again. */
  untilTicks?: number
  /** It is off because an operator says so: then it is not even the last resort. */
  isSwitchedOff?: boolean
}>

export type DeploymentView = Readonly<{
  id: string
  provider: string
  /** Counted from 0. */
  keyIndex: number
  /** Undefined where none is needed. */
  keyPrint: string | undefined
  state: DeploymentState
  inFlight: number
  firstByteMs: number | undefined
  /** Of its key: how many calls at a time, undefined while there is no limit; and how many wait. */
  limit: number | undefined
  waiting: number
  /** Of its key: what the last probe found; `atMs` by the wall clock. */
  probe: ProbeView | undefined
}>

export type ProbeView = Readonly<{
  atMs: number
  ms: number
  result: 'well' | 'refused' | 'down' | 'unknown'
  detail: string | undefined
}>

/** The state of all that answers requests, for operators. */
export interface TrafficControl {
  view(): readonly DeploymentView[]
  /** Until it is switched on again. */
  switchOff(target: SwitchTarget): void
  /** Forgets, too, what was held against it. */
  switchOn(target: SwitchTarget): void
}
