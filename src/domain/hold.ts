import type { ChatRequest } from './chat-request.ts'
import { boundTokens, likelyTokens, mediaTokens, type TextSize } from './estimate.ts'
import { most, ZERO, type MicroCredits } from './money.ts'
import { affordableOutput, costBound, costOf, type Price } from './price.ts'
import type { Resale } from './reseller.ts'
import type { Candidate, RoutedModel } from './route.ts'
import { isUnbounded } from './unbounded.ts'
import { textUsage } from './usage.ts'

/** What a request may cost at most, under which cap on its output. */
export type HoldPlan = Readonly<{
  amount: MicroCredits
  /** Output tokens per answer; sent upstream. */
  cap: number
  /** What the prompt alone probably costs. */
  inputCost: MicroCredits
}>

export type Asked = Readonly<{
  request: ChatRequest
  size: TextSize
  route: RoutedModel
  /** How the prices of a sub-account follow from the operator's; undefined where those are charged. */
  resale?: Resale | undefined
}>

/** The operator's price, or what a reseller makes of it. */
export const priceFor = ({ resale }: Pick<Asked, 'resale'>, price: Price): Price =>
  resale === undefined ? price : resale.ownPrice(price)

/** Below this an answer is of no use to anybody. */
export const CAP_MIN = 16

/** The upper bound of a request's cost, at the dearest deployment or fallback it could reach. */
export function planHold(asked: Asked): HoldPlan {
  const { request, route } = asked
  const { model } = route
  const cap = Math.min(request.cap ?? model.defaultMaxOutput, model.maxOutput)
  const price = priceFor(asked, askedPrice(request, model))
  const inputCost = costOf(textUsage(likelyPrompt(asked), 0), price)
  return planWith(asked, cap, inputCost)
}

/**
 * The same request under the cap that this much credit pays for; undefined when it pays for no useful answer. The cap
 * is what the dearest candidate allows, so whichever answers, the bill should not exceed the hold.
 */
export function planWithin(
  asked: Asked,
  plan: HoldPlan,
  credit: MicroCredits,
): HoldPlan | undefined {
  const { request, route } = asked
  const least = leastBound(asked)
  let affordable = BigInt(plan.cap) * BigInt(request.choices)
  for (const { price, imageTokensMax } of route.bounds) {
    const input = Math.max(sentBound(asked, imageTokensMax), least)
    const pays = affordableOutput(credit, input, priceFor(asked, price))
    if (pays < affordable) affordable = pays
  }
  const cap = Number(affordable / BigInt(request.choices))
  return cap < CAP_MIN ? undefined : planWith(asked, cap, plan.inputCost)
}

function planWith(asked: Asked, cap: number, inputCost: MicroCredits): HoldPlan {
  const least = leastBound(asked)
  let amount = ZERO
  for (const { price, maxOutput, imageTokensMax } of asked.route.bounds) {
    const input = Math.max(sentBound(asked, imageTokensMax), least)
    const output = Math.min(cap, maxOutput) * asked.request.choices
    amount = most(amount, costBound({ input, output }, priceFor(asked, price)))
  }
  return { amount, cap, inputCost }
}

const askedPrice = ({ serviceTier }: ChatRequest, model: Candidate['model']): Price =>
  (serviceTier === undefined ? undefined : model.serviceTiers[serviceTier]) ?? model.price

/** The price of an answer that came in this service tier. */
export const priceAt = ({ model, deployment }: Candidate, tier: string | undefined): Price =>
  (tier === undefined ? undefined : model.serviceTiers[tier]) ?? deployment.price

/**
 * The price of an answer that does not say its tier: the one that was asked for is believed, but not of a deployment that
 * was not told of it, or has a price of its own.
 */
export function priceUnsaid(candidate: Candidate, { serviceTier }: ChatRequest): Price {
  const { deployment, model } = candidate
  const isPlain = deployment.stripFields.includes('service_tier')
  return isPlain || deployment.price !== model.price
    ? deployment.price
    : priceAt(candidate, serviceTier)
}

/** About how many tokens the prompt has. */
export const likelyPrompt = ({ request, size, route }: Asked): number =>
  likelyTokens(promptSize(request, size)) + mediaTokens(request.media, route.model.imageTokensMax)

/** The most tokens that it can take, prompt and answers together. */
export const boundOf = (asked: Asked, { cap }: HoldPlan): number =>
  sentBound(asked, asked.route.model.imageTokensMax) + cap * asked.request.choices

/** Where nobody can tell from what was sent, all that the model takes. */
const leastBound = ({ request, route }: Asked): number =>
  isUnbounded(request) ? longestPrompt(route) : 0

const sentBound = ({ request, size }: Asked, imageTokensMax: number): number =>
  boundTokens(promptSize(request, size)) + mediaTokens(request.media, imageTokensMax)

/** Of a model whose context is not configured. */
const CONTEXT_TOKENS = 1_000_000

const longestPrompt = ({ stages }: RoutedModel): number =>
  Math.max(...stages.map(({ model }) => model.contextTokens ?? CONTEXT_TOKENS))

const promptSize = (request: ChatRequest, size: TextSize): TextSize => ({
  ascii: Math.max(size.ascii - request.mediaChars, 0),
  other: size.other,
})
