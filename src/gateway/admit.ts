import { accountDisabled, Failure, invalidRequest } from '../domain/failure.ts'
import {
  boundOf,
  likelyPrompt,
  planHold,
  planWithin,
  priceFor,
  type Asked,
  type HoldPlan,
} from '../domain/hold.ts'
import type { KeyRecord } from '../domain/key.ts'
import { formatCredits, parseCredits, type MicroCredits } from '../domain/money.ts'
import { routeFor } from '../domain/route.ts'
import type { HoldAnswer, HoldRequest } from '../ports/ledger.ts'
import type { Reply } from '../ports/reply.ts'
import { authorize } from './authenticate.ts'
import type { Entered, House, ReadBody } from './house.ts'
import type { LimitClaim } from './limits.ts'

/** A request with its credit promised: from here on it must be settled or released, whatever happens. */
export type Admitted = Asked &
  Readonly<{
    requestId: string
    key: KeyRecord
    plan: HoldPlan
    /** Undefined: it is not limited. */
    claim: LimitClaim | undefined
    /** It may wait longer for its place. */
    isBatch: boolean
    startedAt: number
    startedTicks: number
  }>

export type Admission = Readonly<{
  requestId: string
  key: KeyRecord
  body: ReadBody
  maxCost: string | undefined
  batch: string | undefined
  reply: Reply
}>

/** Model known and allowed; what the limits allow; then the hold, durable before any byte goes upstream. */
export function admit(house: House, admission: Admission): Promise<Admitted> {
  const { requestId, key, body, maxCost, batch, reply } = admission
  const { request, size } = body
  const route = findRoute(house, key, body)
  const resale = house.ledger.resale(key.account)
  const asked = { request, size, route, resale }
  checkLength(asked)
  const startedAt = house.clock.nowMs()
  const startedTicks = house.clock.ticksMs()
  const whole = planHold(asked)
  const most = maxCost === undefined ? undefined : mostIn(maxCost)
  const wanted = most === undefined ? whole : cheapened(asked, whole, most)
  const isBatch = batch !== undefined && mayWait(batch)
  const claim = claimLimits(house, { key, asked, wanted, reply })
  const entering = { requestId, key, asked, wanted, most, isBatch, startedAt, startedTicks }
  return claim instanceof Promise
    ? claim.then((taken) => enter(house, entering, taken))
    : enter(house, entering, claim)
}

type Entering = Readonly<{
  requestId: string
  key: KeyRecord
  asked: Asked
  wanted: HoldPlan
  most: MicroCredits | undefined
  isBatch: boolean
  startedAt: number
  startedTicks: number
}>

function enter(house: House, entering: Entering, claim: LimitClaim | undefined): Promise<Admitted> {
  const { wanted } = entering
  const refuse = (error: unknown): never => {
    claim?.undo() // what nobody will answer does not count
    throw error
  }
  try {
    const holding = house.ledger.hold(holdFor(entering, wanted))
    return holding.then((answer) => {
      if (answer.kind === 'held') return admitted(entering, wanted, claim)
      const held = holdLess(house, entering, answer)
      return held.then((plan) => admitted(entering, plan, claim), refuse)
    }, refuse)
  } catch (error) {
    return refuse(error)
  }
}

function admitted(
  { requestId, key, asked, isBatch, startedAt, startedTicks }: Entering,
  plan: HoldPlan,
  claim: LimitClaim | undefined,
): Admitted {
  const { request, size, route, resale } = asked
  return {
    request,
    size,
    route,
    resale,
    requestId,
    key,
    plan,
    claim,
    isBatch,
    startedAt,
    startedTicks,
  }
}

type Claiming = Readonly<{ key: KeyRecord; asked: Asked; wanted: HoldPlan; reply: Reply }>

function claimLimits({ limits }: House, { key, asked, wanted, reply }: Claiming) {
  const budget = limits.budgetFor(key, asked.route.model)
  if (budget === undefined) return undefined
  const { amount } = wanted
  const spend = asked.resale === undefined ? amount : asked.resale.shares(amount)
  return limits.claim(budget, { tokens: boundOf(asked, wanted), spend, reply })
}

/** Whoever would be refused alone gets no answer that others got, either: a name is shared by all keys of an account, and not what each may use. */
export function checkRepeat(house: House, { key, body }: Entered): void {
  findRoute(house, key, body)
  if (house.ledger.account(key.account)?.isDisabled === true) throw accountDisabled()
}

function findRoute(house: House, key: KeyRecord, { request }: ReadBody): Asked['route'] {
  const route = house.catalog.route(request.model)
  authorize(key, request.model, route?.model.id ?? request.model)
  if (route === undefined) throw modelNotFound(request.model)
  const tier = request.serviceTier
  if (
    tier !== undefined &&
    !UNPRICED_TIERS.has(tier) &&
    !Object.hasOwn(route.model.serviceTiers, tier)
  ) {
    throw invalidRequest(
      `The service tier '${tier}' has no price for this model. Leave it out.`,
      'service_tier',
    )
  }
  return routeFor(key, route)
}

/** Beyond the context the provider would refuse, or, where it has steps, charge a price that nobody configured. */
function checkLength(asked: Asked): void {
  const { contextTokens } = asked.route.model
  if (contextTokens === undefined || likelyPrompt(asked) <= contextTokens) return
  throw new Failure(
    'context_length_exceeded',
    // The first words are OpenAI's: LangChain and LiteLLM look for them, and not at the code.
    `This model's maximum context length is ${contextTokens} tokens, and the prompt is about ${likelyPrompt(asked)}. Shorten it.`,
    { param: 'messages' },
  )
}

/** Service tiers that cost the ordinary price. */
const UNPRICED_TIERS = new Set(['auto', 'default', 'standard', 'standard_only'])

export const modelNotFound = (model: string): Failure =>
  new Failure(
    'model_not_found',
    `The model '${model}' does not exist here. GET /v1/models lists those that do.`,
    { param: 'model' },
  )

type Short = Extract<HoldAnswer, { kind: 'short' }>

const holdFor = ({ requestId, key, asked, most }: Entering, plan: HoldPlan): HoldRequest => ({
  id: requestId,
  account: key.account,
  key: key.id,
  model: asked.route.model.id,
  price: priceFor(asked, asked.route.model.price),
  amount: plan.amount,
  inputCost: plan.inputCost,
  most,
  resale: asked.resale,
})

/** Where the account's whole credit could not pay the bound, what that credit pays is held. */
async function holdLess(house: House, entering: Entering, answer: Short): Promise<HoldPlan> {
  const { asked, wanted } = entering
  const { balance } = answer.credit
  if (wanted.amount <= balance) throw creditHeld(wanted.amount)
  const lowered = planWithin(asked, wanted, balance)
  if (lowered === undefined)
    throw answer.isAbove === true ? notPaidFor() : insufficientQuota(balance, wanted)
  if ((await house.ledger.hold(holdFor(entering, lowered))).kind === 'held') return lowered
  throw creditHeld(lowered.amount)
}

/** The caller's own limit on the cost. */
function mostIn(maxCost: string): MicroCredits {
  const most = parseCredits(maxCost)
  if (most !== undefined && most > 0n) return most
  throw invalidRequest(
    "The header 'x-max-cost' must be an amount of credits above 0 with at most six decimal places.",
    'x-max-cost',
  )
}

function mayWait(batch: string): boolean {
  if (batch === 'true' || batch === 'false') return batch === 'true'
  throw invalidRequest("The header 'x-batch' must be true or false.", 'x-batch')
}

/** The plan under it. */
function cheapened(asked: Asked, whole: HoldPlan, most: MicroCredits): HoldPlan {
  if (whole.amount <= most) return whole
  const lowered = planWithin(asked, whole, most)
  if (lowered !== undefined) return lowered
  throw new Failure(
    'insufficient_quota',
    `The header 'x-max-cost' allows ${formatCredits(most)} credits, which pay for no useful answer: this request could ` +
      `cost ${formatCredits(whole.amount)}. Allow more, or send a shorter request.`,
    { param: 'x-max-cost' },
  )
}

const creditHeld = (amount: MicroCredits): Failure =>
  new Failure(
    'credit_held',
    `Other requests in flight hold your credit, and this one needs up to ${formatCredits(amount)} credits. ` +
      'Try again when they have finished.',
    { retryAfterMs: 1_000 },
  )

/** Another account of the chain runs short: whose, and of how much, is not the caller's business. */
const notPaidFor = (): Failure =>
  new Failure(
    'insufficient_quota',
    'This request cannot be paid for at the moment. Ask whoever gave you your key, or send a shorter request.',
  )

const insufficientQuota = (balance: MicroCredits, { amount }: HoldPlan): Failure =>
  new Failure(
    'insufficient_quota',
    `Your credit is used up: ${formatCredits(balance)} credits are left and this request could cost ` +
      `${formatCredits(amount)}. Ask the operator of this gateway for more, or send a shorter request.`,
    { short: { of: 'credit' } },
  )
