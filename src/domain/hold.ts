import type { ChatRequest } from './chat-request.ts'
import { boundTokens, likelyTokens, mediaTokens, type TextSize } from './estimate.ts'
import { most, ZERO, type MicroCredits } from './money.ts'
import { affordableOutput, costBound, costOf, type Price } from './price.ts'
import type { Candidate, RoutedModel } from './route.ts'
import { textUsage } from './usage.ts'

/** What a request may cost at most, under which cap on its output. */
export type HoldPlan = Readonly<{
  amount: MicroCredits
  /** Output tokens per answer; sent upstream. */
  cap: number
  /** What the prompt alone probably costs. */
  inputCost: MicroCredits
}>

export type Asked = Readonly<{ request: ChatRequest; size: TextSize; route: RoutedModel }>

/** Below this an answer is of no use to anybody. */
export const CAP_MIN = 16

/** The upper bound of a request's cost, at the dearest deployment or fallback it could reach. */
export function planHold(asked: Asked): HoldPlan {
  const { request, route } = asked
  const { model } = route
  const cap = Math.min(request.cap ?? model.defaultMaxOutput, model.maxOutput)
  const inputCost = costOf(textUsage(likelyPrompt(asked), 0), priceFor(request, model))
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
  const affordable = route.candidates
    .map(({ model, deployment }) =>
      affordableOutput(
        credit,
        inputBound(asked, model.imageTokensMax),
        priceAt(request, { model, deployment }),
      ),
    )
    .reduce((least, one) => (one < least ? one : least), BigInt(plan.cap) * BigInt(request.choices))
  const cap = Number(affordable / BigInt(request.choices))
  return cap < CAP_MIN ? undefined : planWith(asked, cap, plan.inputCost)
}

function planWith(asked: Asked, cap: number, inputCost: MicroCredits): HoldPlan {
  const { request, route } = asked
  let amount = ZERO
  let boundedPrice: Price | undefined
  for (const candidate of route.candidates) {
    const price = priceAt(request, candidate)
    if (price === boundedPrice) continue // most candidates share their model's price
    boundedPrice = price
    const { imageTokensMax, maxOutput } = candidate.model
    const output = Math.min(cap, maxOutput) * request.choices
    amount = most(amount, costBound({ input: inputBound(asked, imageTokensMax), output }, price))
  }
  return { amount, cap, inputCost }
}

/** The price of a candidate; a service tier that has its own price takes that. */
export const priceAt = (request: ChatRequest, { model, deployment }: Candidate): Price =>
  tierPrice(request, model) ?? deployment.price

const priceFor = (request: ChatRequest, model: Candidate['model']): Price =>
  tierPrice(request, model) ?? model.price

function tierPrice({ serviceTier }: ChatRequest, model: Candidate['model']): Price | undefined {
  return serviceTier === undefined ? undefined : model.serviceTiers[serviceTier]
}

/** About how many tokens the prompt has. */
export const likelyPrompt = ({ request, size, route }: Asked): number =>
  likelyTokens(promptSize(request, size)) + mediaTokens(request.media, route.model.imageTokensMax)

const inputBound = ({ request, size }: Asked, imageTokensMax: number): number =>
  boundTokens(promptSize(request, size)) + mediaTokens(request.media, imageTokensMax)

const promptSize = (request: ChatRequest, size: TextSize): TextSize => ({
  ascii: Math.max(size.ascii - request.mediaChars, 0),
  other: size.other,
})
