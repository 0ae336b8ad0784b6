import type { OverloadSettings } from '../domain/pressure.ts'
import type { Events } from '../ports/events.ts'
import type { Load } from '../ports/load.ts'
import { LoadSampler } from '../telemetry/load-sampler.ts'

/** A bug that nobody caught: what it left half done is not known, so a new process takes over. */
const EXIT_BUG = 70
/** The memory is nearly used up: a new process takes over before this one is killed. */
const EXIT_FULL = 75

export type Unwell = Readonly<{
  /** Resolves with an exit code when the process should not go on. */
  since: Promise<number>
  load: Load
  stop: () => void
}>

/** Watches for what the process does not get over, so that it drains and leaves instead of breaking off. */
export function watchUnwell(events: Events, settings: () => OverloadSettings): Unwell {
  let tell: (code: number) => void = () => undefined
  const since = new Promise<number>((resolve) => {
    tell = resolve
  })
  const onBug = (error: unknown, where: string) => {
    events.bug({ where, error })
    tell(EXIT_BUG)
  }
  const onRejection = (reason: unknown) => {
    onBug(reason, 'unhandledRejection')
  }
  process.on('uncaughtException', onBug)
  process.on('unhandledRejection', onRejection)
  const onFull = () => {
    events.problem('the memory is nearly used up: the gateway drains and leaves')
    tell(EXIT_FULL)
  }
  const load = new LoadSampler({ events, settings, onFull })
  return {
    ...{ since, load },
    stop: () => {
      load.stop()
      process.off('uncaughtException', onBug)
      process.off('unhandledRejection', onRejection)
    },
  }
}
