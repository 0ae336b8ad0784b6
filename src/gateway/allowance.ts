import { lineOf, type KeyRecord } from '../domain/key.ts'
import { NO_LIMITS, type Limits } from '../domain/limit.ts'
import { lastingNames, limitsOver, rulesOf, type Rule, type Subject } from '../domain/limit-rule.ts'
import type { Model } from '../domain/model.ts'
import { UTC } from '../domain/time-zone.ts'
import type { Catalog, GatewaySettings } from '../ports/catalog.ts'
import type { AccountTerms, Ledger } from '../ports/ledger.ts'
import type { Budget, Limiter } from '../ports/limiter.ts'
import type { RoomLimits } from './room.ts'

/** What a key may have: by itself, and with all others of its account. Made once, and again when something of it changes. */
export type Allowance = {
  readonly room: RoomLimits
  readonly rules: readonly Rule[]
  /** Undefined: nothing is limited. */
  readonly budget: Budget | undefined
  /** With the limits of a model that has some; most have none. */
  withModel: Map<Model, Budget> | undefined
  readonly madeOf: Sources
}

type Sources = Readonly<{
  settings: GatewaySettings
  own: Agreed
  /** The accounts above, parent first; undefined where nobody is. */
  above: readonly Agreed[] | undefined
}>

/** What was agreed with an account when it was looked at: the terms themselves change under their reader. */
type Agreed = Readonly<{
  account: string
  tier: string
  limits: Limits | undefined
  timeZone: string | undefined
  parent: string | undefined
}>

export type AllowanceNeeds = Readonly<{
  ledger: Pick<Ledger, 'terms'>
  catalog: Pick<Catalog, 'tier' | 'settings'>
  limiter: Limiter
}>

/** A master key has no account. */
const NO_TERMS: AccountTerms = { tier: '' }

export class Allowances {
  readonly #needs: AllowanceNeeds
  /** A key that changes is another record, and those that nobody has any more are forgotten. */
  readonly #known = new WeakMap<KeyRecord, Allowance>()

  constructor(needs: AllowanceNeeds) {
    this.#needs = needs
  }

  of(key: KeyRecord): Allowance {
    const { ledger, catalog } = this.#needs
    const terms = ledger.terms(key.account) ?? NO_TERMS
    const settings = catalog.settings()
    const known = this.#known.get(key)
    if (known !== undefined && this.#isStill(known.madeOf, terms, settings)) return known
    const own = agreed(key.account, terms)
    const made = this.#make(key, { settings, own, above: this.#agreedAbove(own) })
    this.#known.set(key, made)
    return made
  }

  budgetFor(allowance: Allowance, model: Model): Budget | undefined {
    if (model.limits === NO_LIMITS) return allowance.budget
    const withModel = (allowance.withModel ??= new Map<Model, Budget>())
    const known = withModel.get(model)
    if (known !== undefined) return known
    const made = this.#needs.limiter.budget([...allowance.rules, ...modelRules(model)])
    withModel.set(model, made)
    return made
  }

  /** By whose calendar its spending is counted, and that of its keys. */
  zoneOf(account: string): string {
    return this.#needs.ledger.terms(account)?.timeZone ?? UTC
  }

  #isStill({ settings, own, above }: Sources, terms: AccountTerms, now: GatewaySettings): boolean {
    if (settings !== now || !isAgreed(own, terms)) return false
    return above === undefined || above.every(this.#isAgreedWith)
  }

  #isAgreedWith = (one: Agreed): boolean => {
    const terms = this.#needs.ledger.terms(one.account)
    return terms !== undefined && isAgreed(one, terms)
  }

  #agreedAbove({ parent }: Agreed): readonly Agreed[] | undefined {
    const terms = parent === undefined ? undefined : this.#needs.ledger.terms(parent)
    if (parent === undefined || terms === undefined) return undefined
    const one = agreed(parent, terms)
    return [one, ...(this.#agreedAbove(one) ?? [])]
  }

  #make(key: KeyRecord, madeOf: Sources): Allowance {
    const { settings, own, above } = madeOf
    const account = this.#limitsOf(own)
    const limits = key.limits ?? NO_LIMITS
    const rules = own.tier === NO_TERMS.tier ? [] : this.#rulesFor(key, madeOf)
    this.#lapseOthers(key, madeOf, rules)
    return {
      room: {
        inFlightMax: settings.inFlightMax,
        keyInFlightMax: limits.concurrentRequests ?? settings.keyInFlightMax,
        accountInFlightMax: account.concurrentRequests ?? settings.accountInFlightMax,
        above: above?.map((one) => ({
          account: one.account,
          inFlightMax: this.#limitsOf(one).concurrentRequests ?? settings.accountInFlightMax,
        })),
      },
      ...{ rules, madeOf },
      budget: rules.length === 0 ? undefined : this.#needs.limiter.budget(rules),
      withModel: undefined,
    }
  }

  #rulesFor(key: KeyRecord, { own, above = [] }: Sources): Rule[] {
    const { account, limits = NO_LIMITS } = key
    const zone = own.timeZone ?? UTC
    return [
      ...rulesOf({ kind: 'account', id: account }, this.#limitsOf(own), zone),
      ...rulesOf({ kind: 'key', id: lineOf(key) }, limits, zone),
      ...above.flatMap((one, at) => {
        const subject = { kind: 'above', id: one.account, level: at + 1 } as const
        return rulesOf(subject, this.#limitsOf(one), one.timeZone ?? UTC)
      }),
    ]
  }

  /** A cap that was lifted, and is set again later, counts what was spent meanwhile. */
  #lapseOthers(key: KeyRecord, { own, above = [] }: Sources, rules: readonly Rule[]) {
    const inForce = new Set(rules.map(({ name }) => name))
    const subjects: [Subject, string | undefined][] = [
      [{ kind: 'account', id: key.account }, own.timeZone],
      [{ kind: 'key', id: lineOf(key) }, own.timeZone],
      ...above.map((one): [Subject, string | undefined] => [
        { kind: 'account', id: one.account },
        one.timeZone,
      ]),
    ]
    const names = subjects.flatMap(([subject, zone = UTC]) => lastingNames(subject, zone))
    this.#needs.limiter.lapse(names.filter((name) => !inForce.has(name)))
  }

  #limitsOf({ limits, tier }: Agreed): Limits {
    return limitsOver(limits ?? NO_LIMITS, this.#needs.catalog.tier(tier).limits)
  }
}

/** Of all its callers together, whatever their time zones are. */
export const modelRules = ({ id, limits }: Model): readonly Rule[] =>
  rulesOf({ kind: 'model', id }, limits, UTC)

const agreed = (account: string, { tier, limits, timeZone, parent }: AccountTerms): Agreed => ({
  account,
  tier,
  limits,
  timeZone,
  parent,
})

const isAgreed = (one: Agreed, { tier, limits, timeZone, parent }: AccountTerms): boolean =>
  one.tier === tier && one.limits === limits && one.timeZone === timeZone && one.parent === parent
