import type { calcPrice, findProvider, ModelPrice, Provider } from '@pydantic/genai-prices'
import type { Bucket } from '../domain/usage.ts'
import type { KnownPrice, KnownPrices } from './compare-prices.ts'

/** The package itself is loaded by whoever has it: it is there for development only. */
type GenaiPrices = Readonly<{ calcPrice: typeof calcPrice; findProvider: typeof findProvider }>

const FIELDS = {
  input: 'input_mtok',
  cachedInput: 'cache_read_mtok',
  cacheWrite: 'cache_write_mtok',
  image: 'input_image_mtok',
  output: 'output_mtok',
  audioInput: 'input_audio_mtok',
  audioOutput: 'output_audio_mtok',
} as const satisfies Record<Bucket, string>

/** The prices of @pydantic/genai-prices on a day. */
export const genaiPrices =
  (genai: GenaiPrices, day: Date): KnownPrices =>
  (baseUrl, model) => {
    const provider = genai.findProvider({ providerApiUrl: baseUrl })
    return provider === undefined ? undefined : dearestOf(genai, { provider, model, day })
  }

type Asked = Readonly<{ provider: Provider; model: string; day: Date }>

/** Some providers charge some hours more. Ours is one price, so it is held against the dearest of the day. */
function dearestOf(genai: GenaiPrices, { provider, model, day }: Asked): KnownPrice | undefined {
  const midnight = Date.UTC(day.getUTCFullYear(), day.getUTCMonth(), day.getUTCDate())
  const halfHours = Array.from({ length: 48 }, (_, index) => new Date(midnight + index * 1_800_000))
  const prices = halfHours.flatMap((timestamp) => {
    const result = genai.calcPrice({}, model, { providerId: provider.id, timestamp })
    return result === null ? [] : [knownPrice(result.model_price, result.model.context_window)]
  })
  const output = ({ rates }: KnownPrice): number => rates.output ?? 0
  return prices.toSorted((a, b) => output(b) - output(a))[0]
}

function knownPrice(price: ModelPrice, contextTokens: number | undefined): KnownPrice {
  const known = Object.entries(FIELDS).flatMap(([bucket, field]) => {
    const rate = price[field]
    return rate === undefined ? [] : [{ bucket, rate }]
  })
  const steps = known.flatMap(({ rate }) => (typeof rate === 'number' ? [] : rate.tiers))
  return {
    rates: Object.fromEntries(
      known.map(({ bucket, rate }) => [bucket, typeof rate === 'number' ? rate : rate.base]),
    ),
    contextTokens,
    dearerAbove: steps.length === 0 ? undefined : Math.min(...steps.map(({ start }) => start)),
  }
}
