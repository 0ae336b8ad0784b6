import { z } from 'zod'
import { invitationForm, invitationQuery } from '../admin/invitations.ts'
import { modelView } from '../admin/model-view.ts'
import { paging, type PageQuery } from '../admin/page.ts'
import { accountPlacing, placeQuery } from '../admin/places.ts'
import { providerStates, switchForm } from '../admin/provider-states.ts'
import { readInput } from '../admin/read-input.ts'
import { accountPlace, newPlace } from '../admin/sub-account-request.ts'
import { placeView } from '../admin/sub-accounts.ts'
import type { Config, Secrets } from '../config/config.ts'
import { invalidRequest } from '../domain/failure.ts'
import { limitsView } from '../domain/limit.ts'
import type { House } from '../gateway/house.ts'
import type { Site } from '../http/site.ts'
import type { Store } from '../store/lowdb/open-store.ts'
import { systemClock } from './clock.ts'
import { liveCatalog } from './live-catalog.ts'
import { limitStandingFor, limitsFor } from './limits.ts'
import { CLI, named } from './register-commands.ts'
import { invitationsFor } from './resellers.ts'
import { trafficFor } from './traffic.ts'

/** What only a server that runs has. */
export type Live = Readonly<{
  house: House
  secrets: Secrets
  wholeHealth: Site['wholeHealth']
  limitStanding: Site['limitStanding']
  configuration: Site['configuration']
}>

/** The rest of what operators do, on the command line: the use cases of the admin API, with the same forms. */
export function operatorCommands(store: Store, config: () => Config, live?: Live) {
  const invitations = invitationsFor(store, config)
  const places = accountPlacing(store)
  const providers = live === undefined ? idleProviders(store, config()) : liveProviders(store, live)
  const limits = () => live?.limitStanding ?? idleLimits(store, config())
  return {
    'list-invitations': (input: unknown) => {
      const [query, page] = paged(invitationQuery, input)
      return Promise.resolve(invitations.list(query, page))
    },
    'enter-invitation': (input: unknown) =>
      invitations.enter(readInput(invitationForm, input), CLI.by),
    'list-places': (input: unknown) => {
      const [query, page] = paged(placeQuery, input)
      return Promise.resolve(places.list(query, page))
    },
    'open-sub-account': async (input: unknown) =>
      placeView(await places.open(readInput(newPlace, input), CLI.by)),
    'place-account': async (input: unknown) => {
      const [account, wish] = named(input, 'account')
      return placeView(await places.place(account, readInput(accountPlace, wish), CLI.by))
    },
    'account-limits': (input: unknown) => limits().ofAccount(named(input, 'account')[0]),
    'model-limits': (input: unknown) => limits().ofModel(named(input, 'model')[0]),
    'key-limits': (input: unknown) => limits().ofKey(named(input, 'key')[0]),
    'list-providers': () => Promise.resolve(providers.view()),
    'switch-provider': (input: unknown) => {
      const [provider, wish] = named(input, 'provider')
      return providers.switch(provider, { ...readInput(switchForm, wish), actor: CLI.by })
    },
    'list-models': () =>
      Promise.resolve((live?.house.catalog ?? liveCatalog(config())).models().map(modelView)),
    'list-tiers': () =>
      Promise.resolve(
        Array.from(config().tiers, ([tier, { limits }]) => ({ tier, limits: limitsView(limits) })),
      ),
    health: () => running(live).wholeHealth(),
    'reload-config': async () => {
      const problems = await running(live).configuration.reload(CLI.by)
      return { ok: problems.length === 0, problems }
    },
  }
}

const from = z.number().int().min(0).default(0)

/** A question for a page, whose beginning is a plain number: nobody but us asks. */
function paged<Query extends z.ZodObject>(
  form: Query,
  input: unknown,
): [z.output<Query>, PageQuery] {
  const { limit, from: at, ...query } = input as { limit?: unknown; from?: unknown } // our own words
  const page = readInput(z.object({ limit: paging.limit, from }), { limit, from: at })
  return [readInput(form, query), page]
}

function running(live: Live | undefined): Live {
  if (live !== undefined) return live
  throw invalidRequest('This is about a server that runs, and none runs on this data folder.')
}

const liveProviders = ({ switches }: Store, { house }: Live) =>
  providerStates({ ...house, switches })

/** Where no server runs nobody was asked anything yet: what is left is what operators switched off. */
function idleProviders({ switches }: Store, config: Config) {
  const traffic = trafficFor({ catalog: liveCatalog(config), events: silence, switches })
  return providerStates({ traffic, switches, events: silence, clock: systemClock })
}

/** Where no server runs nothing is in flight and no minute has begun: days and spending are in the books. */
function idleLimits(store: Store, config: Config): Site['limitStanding'] {
  const catalog = liveCatalog(config)
  const { limits } = limitsFor(store, { catalog, events: silence })
  return limitStandingFor(store, { limits, catalog, inFlight: () => 0 })
}

const nothing = (): void => undefined
const silence = { notice: nothing, warning: nothing, problem: nothing }
