import path from 'node:path'
import type { Config } from '../config/config.ts'
import { askServer } from '../control/control-client.ts'
import { explainRoute, type ExplainedRoute } from '../gateway/explain-route.ts'
import type { House } from '../gateway/house.ts'
import { dbPaths } from '../store/lowdb/segments.ts'
import { socketPath } from '../store/lowdb/socket-path.ts'
import { systemClock } from './clock.ts'
import { liveCatalog } from './live-catalog.ts'

type Asked = Readonly<{ model: string; key?: string }>

/** What the command line may ask a running server about its routes. */
export const routeCommands = (house: House) => ({
  'explain-route': (input: unknown) => Promise.resolve(explainRoute(house, input as Asked)), // its own words
})

/** As the running server has it, or, where none runs, as the configuration alone would have it. */
export async function explainedRoute(
  config: Config,
  asked: Asked,
): Promise<ExplainedRoute & Readonly<{ is_live: boolean }>> {
  const socket = socketPath(dbPaths(path.resolve(config.dbDir)).socket)
  const answer = await askServer(socket, 'explain-route', asked)
  if (answer?.ok === true) return { is_live: true, ...(answer.result as ExplainedRoute) }
  if (answer !== undefined) throw new Error(answer.message)
  if (asked.key !== undefined)
    throw new Error('--key needs the running server, and none runs here.')
  return { is_live: false, ...explainRoute(unused(config), asked) }
}

/** A house that nobody has asked anything yet. */
const unused = (config: Config) => ({
  catalog: liveCatalog(config),
  clock: systemClock,
  keys: { withId: () => undefined },
  traffic: {
    stateOf: () => ({ kind: 'ready' }) as const,
    inFlight: () => 0,
    firstByteMs: () => undefined,
  },
})
