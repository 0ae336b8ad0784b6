import type { Server } from 'node:net'
import type { Events } from '../ports/events.ts'
import type { TokenCounter } from '../ports/token-counter.ts'
import type { Store } from '../store/lowdb/open-store.ts'
import type { UsageThread } from '../store/lowdb/usage/usage-thread.ts'
import type { Log } from '../telemetry/log.ts'
import type { OpenTraces } from '../telemetry/trace/open-traces.ts'
import type { LiveProviders } from './live-providers.ts'
import type { Served } from './serve.ts'
import type { Unwell } from './unwell.ts'

export type Stopping = Readonly<{
  served: Served
  control: Server
  store: Store
  usage: UsageThread
  providers: LiveProviders
  counter: TokenCounter
  log: Log
  tracing: OpenTraces | undefined
  events: Events
  watch: () => void
  unwell: Unwell
  probes: Readonly<{ stop: () => void }>
  /** Before the books close: it notes in them who was told. */
  hooks: Readonly<{ stop: () => Promise<void> }>
  unready: () => void
}>

/** Stops the gateway; called again, it hurries. Resolves when everything is settled and closed. */
export type Shutdown = (options: { noticeMs: number }) => Promise<void>

/** How long open answers may go on before they are ended. */
const DRAIN_MS = 120_000

export function shutdown(parts: Stopping): Shutdown {
  const { events, served } = parts
  let hurry: () => void = () => undefined
  let stopping: Promise<void> | undefined
  return ({ noticeMs }) => {
    if (stopping !== undefined) {
      events.notice('hurrying to stop', { inFlight: served.completions.inFlight })
      hurry()
      return stopping
    }
    const hurried = new Promise<void>((resolve) => {
      hurry = resolve
    })
    stopping = stop(parts, { noticeMs, hurried })
    return stopping
  }
}

type Pace = Readonly<{ noticeMs: number; hurried: Promise<void> }>

async function stop(parts: Stopping, { noticeMs, hurried }: Pace): Promise<void> {
  const { served, events } = parts
  parts.unready() // whoever routes here sees it before connections are refused
  events.notice('stopping', { inFlight: served.completions.inFlight })
  await Promise.race([pause(noticeMs), hurried])
  const closed = new Promise<void>((resolve) => {
    served.server.close(() => {
      resolve()
    })
  })
  served.server.closeIdleConnections()
  // Connections on which nothing was ever asked do not count as idle with Node, and would hold up the end.
  const idle = Promise.all([served.completions.idle(), served.serviceCalls.idle()])
  const answered = idle.then(() => pause(LAST_WORDS_MS))
  await Promise.race([closed, answered, pause(DRAIN_MS), hurried])
  served.completions.hurry()
  await Promise.race([closed, pause(LAST_WORDS_MS)])
  served.server.closeAllConnections()
  served.metricsServer?.close()
  served.metricsServer?.closeAllConnections()
  await served.completions.idle()
  await closeParts(parts)
}

/** For answers to reach their callers, and ended streams to take leave of theirs. */
const LAST_WORDS_MS = 2_000

async function closeParts({
  served,
  control,
  store,
  usage,
  providers,
  counter,
  log,
  tracing,
  events,
  watch,
  unwell,
  probes,
  hooks,
}: Stopping) {
  watch()
  probes.stop()
  await hooks.stop()
  control.close()
  await counter.stop()
  await store.close()
  await usage.stop()
  events.notice('stopped')
  await providers.close()
  served.serviceCalls.close()
  await tracing?.stop()
  await log.close()
  unwell.stop()
}

const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms).unref()
  })
