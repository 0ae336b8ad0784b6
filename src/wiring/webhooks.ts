import { createHmac } from 'node:crypto'
import dns from 'node:dns/promises'
import { providerStates } from '../admin/provider-states.ts'
import { readInput } from '../admin/read-input.ts'
import { newWebhook, webhooks, type Webhooks } from '../admin/webhooks.ts'
import type { Config, Secrets } from '../config/config.ts'
import { nodeSecrets } from '../credentials/node-secrets.ts'
import type { House } from '../gateway/house.ts'
import type { Events } from '../ports/events.ts'
import type { Store } from '../store/lowdb/open-store.ts'
import { alerting } from '../webhooks/alerting.ts'
import { Courier } from '../webhooks/courier.ts'
import { rangesOf } from '../webhooks/open-internet.ts'
import { refusedPlace, type Egress } from '../webhooks/post-once.ts'
import { Noted } from '../webhooks/noted.ts'
import { Watch } from '../webhooks/watch.ts'
import { CLI } from './register-commands.ts'
import { systemClock } from './clock.ts'

type Parts = Readonly<{ store: Store; config: () => Config; secrets: Secrets | undefined }>

const egressOf = (config: () => Config): Egress => ({
  resolve: async (host) => (await dns.lookup(host, { all: true })).map(({ address }) => address),
  allowed: () => rangesOf(config().webhooks.allowedNetworks),
})

/** Nothing of it is kept: whoever has the data folder cannot sign. */
const secretsOf = (secrets: Secrets | undefined) => {
  const secret = secrets?.jwtSecretKey
  return secret === undefined
    ? undefined
    : (id: string) =>
        `whsec_${createHmac('sha256', secret).update(`webhook ${id}`).digest('base64url')}`
}

const idsOf = (store: Store) => {
  const secrets = nodeSecrets(store.keys.hashOf)
  return (prefix: string, call?: string) => secrets.newId(prefix, call)
}

export function webhooksFor({ store, config, secrets }: Parts): Webhooks {
  return webhooks({
    ...{ alerts: store.alerts, registry: store.registry, newId: idsOf(store) },
    secretOf: secretsOf(secrets),
    refusedPlace: async (url) => {
      const place = await refusedPlace(egressOf(config), url)
      return 'reason' in place ? place.reason : undefined
    },
  })
}

export function webhookCommands(parts: Parts) {
  const hooks = webhooksFor(parts)
  const idIn = (input: unknown) => (input as { id?: string }).id // the command line's own words
  return {
    'add-webhook': (input: unknown) => hooks.add(readInput(newWebhook, input), CLI),
    'list-webhooks': () => Promise.resolve(hooks.list()),
    'remove-webhook': (input: unknown) => hooks.remove(idIn(input) ?? '', CLI.by),
    'test-webhooks': (input: unknown) => hooks.test(idIn(input), CLI.by),
  }
}

/** What happens once, such as a large charge, told to whoever wants to hear of it; and noted for the watch what moved. */
export function withAlerts(events: Events, store: Store, config: () => Config) {
  const noted = new Noted()
  const listening = alerting(events, {
    ...{ alerts: store.alerts, clock: systemClock, noted },
    newId: (call) => idsOf(store)('evt', call),
    largeCharge: () => config().webhooks.largeCharge,
  })
  return { events: listening, noted }
}

type Watching = Parts & Readonly<{ house: House; noted: Noted }>

/** Beside the requests, and at no cost to them. */
export function startWebhooks({ store, config, secrets, house, noted }: Watching) {
  const { traffic, events, clock } = house
  const { alerts, registry, switches } = store
  const secretOf = secretsOf(secrets)
  const states = providerStates({ traffic, switches, events, clock })
  const watch = new Watch({
    ...{ alerts, registry, noted, clock: systemClock, newId: () => idsOf(store)('evt') },
    keyExpiringMs: () => config().webhooks.keyExpiringMs,
    providers: () => states.usable(),
  })
  const courier =
    secretOf &&
    new Courier({
      ...{ alerts, clock: systemClock, events, egress: egressOf(config), secretOf },
      chance: Math.random,
    })
  return {
    async stop() {
      await watch.stop()
      await courier?.stop()
    },
  }
}
