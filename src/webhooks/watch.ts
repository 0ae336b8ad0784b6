import type { AlertFacts, AlertName } from '../domain/alert.ts'
import { isUsable, type KeyRecord } from '../domain/key.ts'
import { formatCredits, least, minus, ZERO, type MicroCredits } from '../domain/money.ts'
import type { Alerts } from '../ports/alerts.ts'
import type { Clock } from '../ports/clock.ts'
import type { AccountView, Registry } from '../ports/ledger.ts'
import type { Noted } from './noted.ts'

export type WatchNeeds = Readonly<{
  alerts: Alerts
  registry: Pick<Registry, 'account' | 'accounts' | 'keys'>
  clock: Clock
  newId: () => string
  keyExpiringMs: () => number
  /** By provider, whether it can be asked. */
  providers: () => Readonly<Record<string, boolean>>
  noted: Noted
}>

const EVERY_MS = 2_000
/** Accounts or keys that are looked at before others have their turn. */
const SLICE = 500
/** A look at all of them is not repeated before so many times as long has passed: it takes a hundredth of a core at most. */
const REST = 100

/**
 * Looks every two seconds for what lasts, and tells when it begins: at the accounts that requests were charged to, and, as
 * often as their number allows, at all accounts and keys. No request pays for it.
 */
export class Watch {
  readonly #needs: WatchNeeds
  /** What accounts had left when a request was refused for it: until they have more, they have too little. */
  readonly #shortAt = new Map<string, MicroCredits>()
  #wholeAtTicks = -Infinity
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
    const { alerts, clock, providers, noted } = this.#needs
    const moved = [...noted.moved, ...noted.short]
    this.#noteShort()
    noted.moved = new Set()
    if (!alerts.hasWebhooks()) return
    for (const [id, isUp] of Object.entries(providers()))
      this.#note('provider_off', id, { isSo: !isUp, facts: () => ({}) })
    for (const id of moved) this.#lookUp(id)
    if (clock.ticksMs() < this.#wholeAtTicks) return
    const tookMs = await this.#lookAtAll()
    this.#wholeAtTicks = clock.ticksMs() + tookMs * REST
  }

  /** An account that a request was charged to, and those above it, who paid, too. */
  #lookUp(id: string): void {
    for (let at: string | undefined = id; at !== undefined;) {
      const account: AccountView | undefined = this.#needs.registry.account(at)
      if (account !== undefined) this.#lookAt(account)
      at = account?.reselling?.parent
    }
  }

  /** Answers how long it took, without the pauses. */
  async #lookAtAll(): Promise<number> {
    const { registry, clock } = this.#needs
    let [tookMs, count, began] = [0, 0, clock.ticksMs()]
    const breathe = async (): Promise<void> => {
      if (++count % SLICE !== 0) return
      tookMs += clock.ticksMs() - began
      await new Promise(setImmediate)
      began = clock.ticksMs()
    }
    for (const account of registry.accounts(0)) {
      this.#lookAt(account)
      await breathe()
    }
    const now = clock.nowMs()
    for (const key of registry.keys(0)) {
      this.#lookAtKey(key, now)
      await breathe()
    }
    return tookMs + clock.ticksMs() - began
  }

  #lookAt(one: AccountView): void {
    const { account, credit, lowCredit, reselling } = one
    const low = credit.balance < lowCredit
    const facts = () => ({
      balance: formatCredits(credit.balance),
      threshold: formatCredits(lowCredit),
    })
    this.#note('low_credit', account, { isSo: low, facts })
    const { cap, used = ZERO } = reselling ?? {}
    const underCap = cap === undefined ? undefined : minus(cap, used)
    const isCapped = underCap !== undefined && underCap <= credit.balance
    const isShort = this.#isShort(one, isCapped ? underCap : credit.balance)
    const isUsedUp = !isCapped && isShort && lowCredit > 0n
    this.#note('credit_used_up', account, { isSo: isUsedUp, facts: () => ({}) })
    const capFacts = () => ({ limit: 'cap', amount: formatCredits(cap ?? ZERO), of: 'account' })
    this.#note('budget_reached', account, { isSo: isCapped && isShort, facts: capFacts })
  }

  /** Nothing is left, or too little for what was asked. A restart forgets how little: until there is more, it is as it was. */
  #isShort({ account }: AccountView, left: MicroCredits): boolean {
    const { alerts } = this.#needs
    if (left <= 0n) return true
    const wasSo = ['credit_used_up', 'budget_reached'] as const
    let before = this.#shortAt.get(account)
    if (before === undefined && wasSo.some((event) => alerts.isRaised(event, account)))
      before = left
    if (before === undefined || left > before) {
      this.#shortAt.delete(account)
      return false
    }
    this.#shortAt.set(account, before)
    return true
  }

  #noteShort(): void {
    const { noted, registry } = this.#needs
    for (const id of noted.short) {
      const account = registry.account(id)
      if (account === undefined) continue
      const { cap, used = ZERO } = account.reselling ?? {}
      const { balance } = account.credit
      this.#shortAt.set(id, cap === undefined ? balance : least(balance, minus(cap, used)))
    }
    noted.short = new Set()
  }

  #lookAtKey(key: KeyRecord, now: number): void {
    const { id, account, expiresAt } = key
    if (expiresAt === undefined && !this.#needs.alerts.isRaised('key_expiring', id)) return
    const isSo = isUsable(key, now) && (expiresAt ?? Infinity) - now < this.#needs.keyExpiringMs()
    const at = expiresAt === undefined ? '' : new Date(expiresAt).toISOString()
    this.#note('key_expiring', id, { isSo, facts: () => ({ account, expires_at: at }) })
  }

  #note(event: AlertName, subject: string, { isSo, facts }: Noting): void {
    const { alerts, newId } = this.#needs
    if (isSo === alerts.isRaised(event, subject)) return
    const state = isSo ? 'raised' : 'over'
    alerts.raise({ id: newId(), event, subject, facts: facts(), state })
  }
}

type Noting = Readonly<{ isSo: boolean; facts: () => AlertFacts }>
