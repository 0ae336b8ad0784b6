import type { Short } from '../domain/failure.ts'
import { formatCredits, type MicroCredits } from '../domain/money.ts'
import { QUARTER_MS } from '../domain/time-zone.ts'
import type { Alerts } from '../ports/alerts.ts'
import type { Clock } from '../ports/clock.ts'
import type { Events } from '../ports/events.ts'
import type { Noted } from './noted.ts'

type Listening = Readonly<{
  alerts: Alerts
  clock: Pick<Clock, 'nowMs'>
  newId: (call?: string) => string
  largeCharge: () => MicroCredits
  noted: Noted
}>

type Spent = Extract<Short, { of: 'spending' }>

const TOLD_MAX = 10_000

/** Hears of what happens once: a comparison or two for each request, and no more unless it is worth a word. */
export function alerting(
  events: Events,
  { alerts, clock, newId, largeCharge, noted }: Listening,
): Events {
  const told = new Set<string>()
  /** A cap is told of once in each day, week or month; under an id that follows from it, so that a restart tells nothing new. */
  const tellSpent = (spent: Spent): void => {
    const { subject, limit, period, amount } = spent
    const ends = Math.round((clock.nowMs() + spent.endsInMs) / QUARTER_MS) * QUARTER_MS
    const id = newId(`budget_reached ${subject} ${limit} ${amount} ${ends}`)
    if (told.has(id)) return
    if (told.size >= TOLD_MAX) told.clear()
    told.add(id)
    const facts = { limit, amount, period, ends_at: new Date(ends).toISOString(), of: spent.kind }
    alerts.raise({ id, event: 'budget_reached', subject, state: 'once', facts })
  }
  return {
    ...events,
    requestEnded(event) {
      events.requestEnded(event)
      if (!alerts.hasWebhooks()) return
      noted.moved.add(event.account)
      const large = largeCharge()
      if (large === 0n || event.charged < large) return
      const { requestId: request, model, charged, account: subject } = event
      const facts = { request, model, charged: formatCredits(charged) }
      alerts.raise({ id: newId(), event: 'large_charge', subject, state: 'once', facts })
    },
    requestRefused(event) {
      events.requestRefused(event)
      if (event.short === undefined || !alerts.hasWebhooks()) return
      if (event.short.of === 'spending') tellSpent(event.short)
      else if (event.account !== undefined) noted.short.add(event.account)
    },
  }
}
