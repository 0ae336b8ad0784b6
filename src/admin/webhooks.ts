import { z } from 'zod'
import type { Doer } from '../domain/actor.ts'
import { ALERTS, type WebhookRecord } from '../domain/alert.ts'
import { Failure, invalidRequest } from '../domain/failure.ts'
import type { Alerts } from '../ports/alerts.ts'
import type { Registry } from '../ports/ledger.ts'
import type { Secrets } from '../ports/secrets.ts'
import { doneBefore } from './done-before.ts'

type Needs = Readonly<{
  alerts: Alerts
  registry: Pick<Registry, 'note'>
  newId: Secrets['newId']
  /** Undefined: nothing to sign with. */
  secretOf: ((webhook: string) => string) | undefined
  /** Why nothing may be sent there; undefined where it may. */
  refusedPlace: (url: string) => Promise<string | undefined>
}>

const WEBHOOKS_MAX = 50

/** POST /admin/webhooks, and what the command line sends. */
export const newWebhook = z.strictObject({
  url: z
    .string('must be an address.')
    .max(2_048, 'is too long.')
    .meta({ description: 'An https address' }),
  events: z
    .array(z.enum(ALERTS, `must be of ${ALERTS.join(', ')}.`))
    .min(1, 'must not be empty.')
    .default([...ALERTS]),
})

/** Receivers of alerts, which operators name. */
export type Webhooks = ReturnType<typeof webhooks>

export function webhooks(needs: Needs) {
  const { alerts, newId, secretOf, refusedPlace } = needs
  const known = (id: string): WebhookRecord => {
    const found = alerts.webhooks().find((one) => one.id === id)
    if (found === undefined) throw new Failure('not_found', 'There is no such webhook.')
    return found
  }
  return {
    list: () => ({ object: 'list' as const, data: alerts.webhooks().map(webhookView) }),
    async add({ url, events }: z.output<typeof newWebhook>, { by, call }: Doer) {
      if (secretOf === undefined)
        throw invalidRequest(
          'Webhooks are signed by secrets that are made of JWT_SECRET_KEY: set it, and let the server run.',
        )
      if (alerts.webhooks().length >= WEBHOOKS_MAX)
        throw invalidRequest(
          `There are ${WEBHOOKS_MAX} webhooks, which is as many as there may be.`,
        )
      const reason = await refusedPlace(url)
      if (reason !== undefined)
        throw invalidRequest(
          `Nothing is sent there: ${reason}. Receivers of your own network are allowed by webhooks.allowed_networks.`,
          'url',
        )
      const id = newId('wh', call)
      if (alerts.webhooks().some((one) => one.id === id)) throw doneBefore(id)
      await alerts.addWebhook({ id, url, events, by })
      return { ...webhookView(known(id)), secret: secretOf(id) }
    },
    async remove(id: string, by: string) {
      const view = webhookView(known(id))
      await alerts.removeWebhook(id, by)
      return view
    },
    test: (id: string | undefined, by: string) =>
      tellTest(needs, id === undefined ? alerts.webhooks() : [known(id)], by),
  }
}

/** Tells each of them that this is a test; it goes the way of all alerts. */
async function tellTest(
  { alerts, registry, newId }: Needs,
  all: readonly WebhookRecord[],
  by: string,
) {
  for (const one of all)
    alerts.raise({
      ...{ id: newId('evt'), event: 'test', subject: one.id, state: 'once', only: one.id },
      facts: { message: 'This is a test.' },
    })
  const ids = all.map((one) => one.id)
  await registry.note({ kind: 'webhook-tested', webhooks: ids, by })
  return { sent_to: ids }
}

const webhookView = ({ id, url, events, createdAt }: WebhookRecord) => ({
  ...{ id, url, events, created_at: new Date(createdAt).toISOString() },
})
export type WebhookView = ReturnType<typeof webhookView>
