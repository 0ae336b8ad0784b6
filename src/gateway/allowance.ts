import type { KeyRecord } from '../domain/key.ts'
import { NO_LIMITS, type Limits } from '../domain/limit.ts'
import { limitsOver, rulesOf, type Rule } from '../domain/limit-rule.ts'
import type { Model } from '../domain/model.ts'
import { UTC } from '../domain/time-zone.ts'
import type { Catalog, GatewaySettings } from '../ports/catalog.ts'
import type { AccountTerms, Ledger } from '../ports/ledger.ts'
import type { Budget, Limiter } from '../ports/limiter.ts'
import type { RoomLimits } from './room.ts'

/** What a key may have: by itself, and with all others of its account. Made once, and again when something of it changes. */
export type Allowance = Readonly<{
  room: RoomLimits
  rules: readonly Rule[]
  /** Undefined: nothing is limited. */
  budget: Budget | undefined
  /** With the limits of a model that has some. */
  withModel: Map<Model, Budget>
  /** What it was made of. */
  settings: GatewaySettings
  tier: string
  limits: Limits | undefined
  timeZone: string | undefined
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
    if (
      known?.settings === settings &&
      known.tier === terms.tier &&
      known.limits === terms.limits &&
      known.timeZone === terms.timeZone
    ) {
      return known
    }
    const made = this.#make(key, terms, settings)
    this.#known.set(key, made)
    return made
  }

  budgetFor({ budget, rules, withModel }: Allowance, model: Model): Budget | undefined {
    if (model.limits === NO_LIMITS) return budget
    const known = withModel.get(model)
    if (known !== undefined) return known
    const more = rulesOf({ kind: 'model', id: model.id }, model.limits, UTC)
    const made = this.#needs.limiter.budget([...rules, ...more])
    withModel.set(model, made)
    return made
  }

  #make(key: KeyRecord, terms: AccountTerms, settings: GatewaySettings): Allowance {
    const { limiter, catalog } = this.#needs
    const { tier, timeZone, limits } = terms
    const account = limitsOver(limits ?? NO_LIMITS, catalog.tier(tier).limits)
    const own = key.limits ?? NO_LIMITS
    const zone = timeZone ?? UTC
    const rules =
      terms === NO_TERMS
        ? []
        : [
            ...rulesOf({ kind: 'account', id: key.account }, account, zone),
            ...rulesOf({ kind: 'key', id: key.id }, own, zone),
          ]
    return {
      room: {
        inFlightMax: settings.inFlightMax,
        keyInFlightMax: own.concurrentRequests ?? settings.keyInFlightMax,
        accountInFlightMax: account.concurrentRequests ?? settings.accountInFlightMax,
      },
      rules,
      budget: rules.length === 0 ? undefined : limiter.budget(rules),
      withModel: new Map(),
      ...{ settings, tier, limits, timeZone },
    }
  }
}
