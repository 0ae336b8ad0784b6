import type { AlertFacts, AlertName } from '../domain/alert.ts'
import { isUsable } from '../domain/key.ts'
import { formatCredits, type MicroCredits } from '../domain/money.ts'
import type { Alerts } from '../ports/alerts.ts'
import type { Clock } from '../ports/clock.ts'
import type { Events } from '../ports/events.ts'
import type { Registry } from '../ports/ledger.ts'

export type WatchNeeds = Readonly<{
  alerts: Alerts
  registry: Pick<Registry, 'accounts' | 'keys'>
  clock: Clock
  newId: () => string
  keyExpiringMs: () => number
  /** By provider, whether it can be asked. */
  providers: () => Readonly<Record<string, boolean>>
}>

const EVERY_MS = 2_000
/** Accounts or keys that are looked at before others have their turn. */
const SLICE = 500

/** Looks every two seconds for what lasts, and tells when it begins. No request pays for it. */
export class Watch {
  readonly #needs: WatchNeeds
  #isStopped = false
  #running: Promise<unknown> = Promise.resolve()

  constructor(needs: WatchNeeds) {
    this.#needs = needs
    this.#schedule()
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#running
  }

  #schedule(): void {
    if (this.#isStopped) return
    this.#needs.clock.after(EVERY_MS, () => {
      this.#running = this.look().then(() => {
        this.#schedule()
      })
    })
  }

  async look(): Promise<void> {
    const { alerts, registry, clock, providers, keyExpiringMs } = this.#needs
    if (alerts.webhooks().length === 0) return
    for (const [id, isUp] of Object.entries(providers()))
      this.#note('provider_off', id, { isSo: !isUp, facts: {} })
    let count = 0
    for (const { account, credit, lowCredit, reselling } of registry.accounts(0)) {
      const facts = { balance: formatCredits(credit.balance), threshold: formatCredits(lowCredit) }
      this.#note('low_credit', account, { isSo: credit.balance < lowCredit, facts })
      const isUsedUp = lowCredit > 0n && credit.balance === 0n
      this.#note('credit_used_up', account, { isSo: isUsedUp, facts: {} })
      const { cap, used = 0n } = reselling ?? {}
      this.#note('budget_reached', account, { isSo: cap !== undefined && used >= cap, facts: {} })
      if (++count % SLICE === 0) await new Promise(setImmediate)
    }
    const now = clock.nowMs()
    for (const key of registry.keys(0)) {
      const { id, account, expiresAt = Infinity } = key
      const isSo = isUsable(key, now) && expiresAt - now < keyExpiringMs()
      if (isSo || alerts.isRaised('key_expiring', id)) {
        const at = Number.isFinite(expiresAt) ? new Date(expiresAt).toISOString() : ''
        this.#note('key_expiring', id, { isSo, facts: { account, expires_at: at } })
      }
      if (++count % SLICE === 0) await new Promise(setImmediate)
    }
  }

  #note(event: AlertName, subject: string, { isSo, facts }: { isSo: boolean; facts: AlertFacts }) {
    const { alerts, newId } = this.#needs
    if (isSo === alerts.isRaised(event, subject)) return
    alerts.raise({ id: newId(), event, subject, facts, state: isSo ? 'raised' : 'over' })
  }
}

type Listening = Readonly<{ alerts: Alerts; newId: () => string; largeCharge: () => MicroCredits }>

/** Hears of what happens once: a comparison for each request, and no more unless it is worth a word. */
export function alerting(events: Events, { alerts, newId, largeCharge }: Listening): Events {
  return {
    ...events,
    requestEnded(event) {
      events.requestEnded(event)
      const large = largeCharge()
      if (large === 0n || event.charged < large || alerts.webhooks().length === 0) return
      const { requestId: request, model, charged } = event
      const facts = { request, model, charged: formatCredits(charged) }
      alerts.raise({
        id: newId(),
        event: 'large_charge',
        subject: event.account,
        state: 'once',
        facts,
      })
    },
  }
}
