// What gateway.yaml may say of prices, and of what they are paid in.
import { z } from 'zod'
import { checkedText, decimal, wholeNumber } from './fields.ts'

export const TOKENS_MAX = 100_000_000
export const tokens = wholeNumber(1, TOKENS_MAX)
/** Dollars per million tokens, or per request. */
const usd = decimal({ places: 9, max: 100_000 })

const SIX_PLACES = /^(?:0|[1-9][0-9]{0,8})(?:\.[0-9]{1,6})?$/

export const accounting = z.strictObject({
  credits_per_usd: checkedText((text) => SIX_PLACES.test(text) && Number(text) > 0, {
    message: 'is not a decimal above 0 with at most 6 places',
    fix: 'write how many credits a US dollar buys, such as 200000',
  }).default('200000'),
  markup: decimal({ places: 6, max: 100 }).default('0'),
  default_max_output: tokens.default(4096),
})

const priceList = z
  .strictObject({
    input: usd,
    cached_input: usd.optional(),
    cache_write: usd.optional(),
    output: usd,
    image: usd.optional(),
    audio_input: usd.optional(),
    audio_output: usd.optional(),
    request: usd.optional(),
  })
  .refine((list) => Object.values(list).some((rate) => Number(rate) > 0), {
    message: 'is nothing at all',
    params: { fix: 'write price: free when that is meant' },
  })
const FREE = { isFree: true } as const
export const price = z.union([z.literal('free').transform(() => FREE), priceList])
