import type { ChatRequest } from '../domain/chat-request.ts'
import { likelyTokens, mediaTokens } from '../domain/estimate.ts'
import { likelyPrompt, priceAt, priceFor, priceUnsaid } from '../domain/hold.ts'
import { micro, MICRO_MAX, type MicroCredits } from '../domain/money.ts'
import { costOf, type Price } from '../domain/price.ts'
import { promptText } from '../domain/prompt-text.ts'
import { NO_USAGE, textUsage, type Usage } from '../domain/usage.ts'
import type { Admitted } from './admit.ts'
import { reportedUsage, type Ending } from './answer.ts'
import type { Attempted } from './attempt.ts'
import type { BrokenOff } from './go-on.ts'
import type { House } from './house.ts'

/** What a request used, by whose count, and what that costs. */
export type Metered = Readonly<{
  usage: Usage
  price: Price
  cost: MicroCredits
  isEstimated: boolean
}>

export type Metering = Readonly<{ admitted: Admitted; attempted: Attempted; ending: Ending }>

/** The provider's word counts, also when it says zero; else what was delivered is counted here. */
export function meterUsage(house: House, metering: Metering): Metered | Promise<Metered> {
  const { attempted, ending } = metering
  if (attempted.broken !== undefined) return meterContinued(house, metering, attempted.broken)
  const usage = reportedUsage(ending)
  if (usage === undefined) return meterDelivered(house, metering)
  const price = priceAnswered(metering)
  const cost = costOf(usage, price)
  // A mistake: the books could not write it down.
  if (cost > MICRO_MAX) return meterDelivered(house, metering)
  const reported = { usage, price, cost, isEstimated: false }
  return ending.kind === 'fault' ? meterBroken(house, metering, reported) : reported
}

/** What was reported before the break may be of the first chunk, or of the last one: it was that much, or more. */
async function meterBroken(house: House, metering: Metering, reported: Metered): Promise<Metered> {
  const counted = await meterDelivered(house, metering)
  return counted.cost > reported.cost ? counted : reported
}

async function meterDelivered(house: House, metering: Metering): Promise<Metered> {
  const price = priceAnswered(metering)
  const { text } = metering.attempted.answer.delivered()
  const [prompt = 0, output = 0] = await count(house, metering, [text])
  const usage = textUsage(prompt, output)
  return { usage, price, cost: costOf(usage, price), isEstimated: true }
}

/**
 * The prompt once and all output, at the price of the deployment that began. What those that went on report counts for
 * their output alone: their prompt is the gateway's own making.
 */
async function meterContinued(
  house: House,
  metering: Metering,
  broken: BrokenOff,
): Promise<Metered> {
  const { attempted, ending } = metering
  const price = priceAnswered(metering)
  const reported = reportedUsage(ending)
  const rest = reported === undefined ? attempted.answer.delivered().text : ''
  const [prompt = 0, before = 0, after = 0] = await count(house, metering, [broken.text, rest])
  const output = before + after + (reported?.output ?? 0)
  const usage = textUsage(prompt, output)
  return { usage, price, cost: costOf(usage, price), isEstimated: true }
}

/** The prompt alone, for answers that never came to a token. */
export async function meterInput(house: House, metering: Metering): Promise<Metered> {
  const price = priceAnswered(metering)
  const [prompt = 0] = await count(house, metering, [])
  const usage = textUsage(prompt, 0)
  return { usage, price, cost: costOf(usage, price), isEstimated: true }
}

/** The tokens of the prompt, media and all, and then those of each text. */
async function count(
  { counter }: House,
  metering: Metering,
  texts: readonly string[],
): Promise<readonly number[]> {
  const prompt = textOf(metering.admitted.request)
  const [counted = 0, ...others] = await counter.count([prompt ?? '', ...texts])
  const tokens =
    prompt === undefined ? likelyPrompt(metering.admitted) : counted + promptMedia(metering)
  return [tokens, ...others]
}

/** Undefined where there is too much of it for the stack: the answer has been given, and its bill must not fail. */
function textOf(request: ChatRequest): string | undefined {
  try {
    return promptText(request)
  } catch (cause) {
    if (cause instanceof RangeError) return undefined
    throw cause
  }
}

export function meterNothing(metering: Metering): Metered {
  return { usage: NO_USAGE, price: priceAnswered(metering), cost: micro(0n), isEstimated: false }
}

/** About what has been delivered so far: the charge if the gateway dies in the next moment. */
export function deliveredCost(admitted: Admitted, attempted: Attempted): MicroCredits {
  const { answer, candidate, broken } = attempted
  const before = broken === undefined ? 0 : likelyTokens(broken.size)
  const output = before + likelyTokens(answer.delivered().size)
  const price = priceFor(admitted, priceUnsaid(candidate, admitted.request))
  const cost = costOf(textUsage(0, output), price)
  return micro(admitted.plan.inputCost + cost)
}

/** The service tier that answered decides. */
function priceAnswered({ admitted, attempted, ending }: Metering): Price {
  const { candidate } = attempted
  const tier = ending.kind === 'finished' ? ending.serviceTier : undefined
  const price =
    tier === undefined ? priceUnsaid(candidate, admitted.request) : priceAt(candidate, tier)
  return priceFor(admitted, price)
}

const promptMedia = ({ admitted, attempted }: Metering): number =>
  mediaTokens(admitted.request.media, attempted.candidate.model.imageTokensMax)
