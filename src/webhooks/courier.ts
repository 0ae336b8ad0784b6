import { createHmac } from 'node:crypto'
import {
  alertBody,
  GIVE_UP_MS,
  retryWaitMs,
  type Alert,
  type WebhookRecord,
} from '../domain/alert.ts'
import type { Alerts } from '../ports/alerts.ts'
import type { Clock } from '../ports/clock.ts'
import type { Events } from '../ports/events.ts'
import { postOnce, type Egress } from './post-once.ts'

export type CourierNeeds = Readonly<{
  alerts: Alerts
  clock: Clock
  events: Pick<Events, 'warning'>
  egress: Egress
  secretOf: (webhook: string) => string
  chance: () => number
}>

const EVERY_MS = 1_000
const TIMEOUT_MS = 10_000
/** Alerts in a row, before the others are looked at again. */
const ROUND_MAX = 100

/** Carries alerts to their receivers: again and again for a day where one is away, each in its turn. */
export class Courier {
  readonly #needs: CourierNeeds
  /** Receivers that failed, and when to try them again; a restart tries them at once. */
  readonly #waits = new Map<string, { tries: number; until: number }>()
  readonly #busy = new Set<string>()
  readonly #stop: AbortController = new AbortController()
  #running: Promise<unknown> = Promise.resolve()

  constructor(needs: CourierNeeds) {
    this.#needs = needs
    this.#schedule()
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#running
  }

  #schedule(): void {
    if (this.#stop.signal.aborted) return
    this.#needs.clock.after(EVERY_MS, () => {
      this.#running = this.round()
      this.#schedule()
    })
  }

  /** Gives each receiver what it does not have yet, in its order, until it does not take one. */
  async round(): Promise<void> {
    const { alerts, clock } = this.#needs
    const isDue = ({ id }: WebhookRecord): boolean =>
      !this.#busy.has(id) && (this.#waits.get(id)?.until ?? 0) <= clock.ticksMs()
    await Promise.all(
      alerts
        .webhooks()
        .filter(isDue)
        .map((webhook) => this.#serve(webhook)),
    )
  }

  async #serve(webhook: WebhookRecord): Promise<void> {
    this.#busy.add(webhook.id)
    try {
      for (let count = 0; count < ROUND_MAX && !this.#stop.signal.aborted; count++) {
        const alert = this.#nextFor(webhook.id)
        if (alert === undefined || !(await this.#give(alert, webhook))) return
      }
    } finally {
      this.#busy.delete(webhook.id)
    }
  }

  #nextFor(webhook: string): Alert | undefined {
    for (const alert of this.#needs.alerts.pending()) if (alert.to.includes(webhook)) return alert
    return undefined
  }

  /** Whether it was taken. */
  async #give(alert: Alert, webhook: WebhookRecord): Promise<boolean> {
    const { alerts, clock, events, egress, secretOf } = this.#needs
    const body = alertBody(alert)
    const headers = signedHeaders(body, secretOf(webhook.id), clock.nowMs())
    const { url } = webhook
    const posted = await postOnce(egress, { url, body, headers, timeoutMs: TIMEOUT_MS })
    if (posted.ok) {
      this.#waits.delete(webhook.id)
      await alerts.sent(alert.id, webhook.id, 'delivered')
      return true
    }
    this.#wait(webhook.id)
    events.warning('a webhook was not taken', { webhook: webhook.id, reason: posted.reason })
    if (clock.nowMs() - alert.at > GIVE_UP_MS) await alerts.sent(alert.id, webhook.id, 'gave_up')
    return false
  }

  #wait(id: string): void {
    const tries = (this.#waits.get(id)?.tries ?? 0) + 1
    const until = this.#needs.clock.ticksMs() + retryWaitMs(tries, this.#needs.chance())
    this.#waits.set(id, { tries, until })
  }
}

/** A receiver computes the same, and refuses what is older than five minutes. */
function signedHeaders(body: string, secret: string, nowMs: number): Record<string, string> {
  const time = Math.floor(nowMs / 1_000)
  const mac = createHmac('sha256', secret).update(`${time}.${body}`).digest('hex')
  return { 'content-type': 'application/json', 'tollgate-signature': `t=${time},v1=${mac}` }
}
