import type { Acted } from './entry.ts'

/** What somebody may want to be told of at once, wherever they are. */
export const ALERTS = [
  'low_credit',
  'credit_used_up',
  'key_expiring',
  'provider_off',
  'budget_reached',
  'large_charge',
  'test',
] as const
export type AlertName = (typeof ALERTS)[number]
export type AlertFacts = Readonly<Record<string, string | number>>

/** Where to tell it: a receiver that an operator named. */
export type WebhookEntry = Acted & {
  readonly kind: 'webhook'
  readonly ref: string
  readonly url: string
  readonly events: readonly AlertName[]
}
export type WebhookRemovedEntry = Acted & { readonly kind: 'webhook-removed'; readonly ref: string }

/** Something happened, and these receivers are to be told. What lasts is raised once, until it is over. */
export type AlertEntry = {
  readonly kind: 'alert'
  readonly at: number
  readonly ref: string
  readonly event: AlertName
  readonly subject: string
  readonly state: 'once' | 'raised' | 'over'
  readonly facts: AlertFacts
  readonly to: readonly string[]
}
/** A receiver was told, or will not be: it did not take it for a day. */
export type AlertSentEntry = {
  readonly kind: 'alert-sent'
  readonly at: number
  readonly ref: string
  readonly webhook: string
  readonly outcome: 'delivered' | 'gave_up'
}

export type WebhookRecord = Readonly<{
  id: string
  url: string
  events: readonly AlertName[]
  createdAt: number
}>
export type Alert = Readonly<{
  id: string
  at: number
  event: AlertName
  subject: string
  facts: AlertFacts
  /** Receivers that do not have it yet. */
  to: readonly string[]
}>

const FIRST_WAIT_MS = 5_000
const WAIT_MAX_MS = 3_600_000
export const GIVE_UP_MS = 24 * 3_600_000

/** How long to leave a receiver alone after so many tries; `chance` from 0 to 1 spreads them. */
export const retryWaitMs = (tries: number, chance: number): number =>
  Math.min(FIRST_WAIT_MS * 2 ** Math.min(tries - 1, 20), WAIT_MAX_MS) * (0.75 + chance / 2)

/** What is sent: told twice it has the same id, by which a receiver knows it. */
export const alertBody = ({ id, at, event, subject, facts }: Alert): string =>
  JSON.stringify({ id, type: event, created_at: new Date(at).toISOString(), subject, data: facts })
