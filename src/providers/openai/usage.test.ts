import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { NO_USAGE } from '../../domain/usage.ts'
import { usageFrom } from './usage.ts'

describe('reported usage', () => {
  test('of OpenAI: cached and audio tokens are part of the totals', () => {
    const reported = {
      prompt_tokens: 1117,
      completion_tokens: 46,
      total_tokens: 1163,
      prompt_tokens_details: { cached_tokens: 1024, audio_tokens: 13 },
      completion_tokens_details: { reasoning_tokens: 30, audio_tokens: 6 },
    }
    expect(usageFrom(reported)).toEqual({
      ...NO_USAGE,
      input: 80,
      cachedInput: 1024,
      audioInput: 13,
      output: 40,
      audioOutput: 6,
    })
  })

  test('of DeepSeek: cache hits have a name of their own', () => {
    const reported = {
      prompt_tokens: 20,
      completion_tokens: 5,
      prompt_cache_hit_tokens: 16,
      prompt_cache_miss_tokens: 4,
    }
    expect(usageFrom(reported)).toEqual({ ...NO_USAGE, input: 4, cachedInput: 16, output: 5 })
  })

  test('of xAI: reasoning is no part of the completion, and is paid like it', () => {
    const reported = {
      prompt_tokens: 12,
      completion_tokens: 1,
      total_tokens: 399,
      completion_tokens_details: { reasoning_tokens: 386 },
    }
    expect(usageFrom(reported)).toEqual({ ...NO_USAGE, input: 12, output: 387 })
  })

  test('of the prompt and the total tells the completion, too', () => {
    expect(usageFrom({ prompt_tokens: 7, total_tokens: 10 })).toEqual({
      ...NO_USAGE,
      ...{ input: 7, output: 3 },
    })
  })

  test('of cache writes and images comes in buckets of its own', () => {
    const reported = {
      prompt_tokens: 100,
      completion_tokens: 0,
      prompt_tokens_details: { cache_write_tokens: 60, image_tokens: 30, text_tokens: 10 },
    }
    expect(usageFrom(reported)).toEqual({ ...NO_USAGE, input: 10, cacheWrite: 60, image: 30 })
  })

  test('with details larger than the total is never more than the total', () => {
    const reported = {
      prompt_tokens: 10,
      completion_tokens: 3,
      prompt_tokens_details: { cached_tokens: 8, cache_write_tokens: 8, audio_tokens: 5 },
      completion_tokens_details: { audio_tokens: 9 },
    }
    expect(usageFrom(reported)).toEqual({
      ...NO_USAGE,
      cachedInput: 8,
      cacheWrite: 2,
      audioOutput: 3,
    })
  })

  test('of zero stays an explicit zero', () => {
    expect(usageFrom({ prompt_tokens: 0, completion_tokens: 0 })).toEqual(NO_USAGE)
  })

  test.each([
    [undefined],
    [null],
    [{}],
    [[]],
    ['12'],
    [{ total_tokens: 5 }],
    [{ prompt_tokens: 11 }],
    [{ completion_tokens: 11 }],
    [{ prompt_tokens: 11, total_tokens: 7 }],
    [{ prompt_tokens: '5', completion_tokens: -1 }],
    [{ prompt_tokens: 1.5, completion_tokens: Number.NaN }],
    [{ prompt_tokens: 1e9 + 1, completion_tokens: 1 }],
    [{ prompt_tokens: 1, completion_tokens: 1e15, total_tokens: 1e15 + 1 }],
  ])('%j reports nothing', (reported) => {
    expect(usageFrom(reported)).toBeUndefined()
  })

  test('buckets are never negative and add up to the totals, whatever the details say', () => {
    const count = fc.oneof(fc.nat({ max: 1000 }), fc.integer(), fc.constant(null), fc.string())
    const details = fc.dictionary(
      fc.constantFrom('cached_tokens', 'cache_write_tokens', 'audio_tokens', 'image_tokens'),
      count,
    )
    const reported = fc.record({
      prompt_tokens: fc.nat({ max: 1000 }),
      completion_tokens: fc.nat({ max: 1000 }),
      prompt_tokens_details: fc.option(details),
      completion_tokens_details: fc.option(details),
      prompt_cache_hit_tokens: count,
    })
    fc.assert(
      fc.property(reported, (usage) => {
        const buckets = usageFrom(usage) ?? NO_USAGE
        const { output, audioOutput, ...inputs } = buckets
        const input = Object.values(inputs).reduce((total, one) => total + one, 0)
        expect(Math.min(...Object.values(buckets))).toBeGreaterThanOrEqual(0)
        expect(input).toBe(usage.prompt_tokens)
        expect(output + audioOutput).toBe(usage.completion_tokens)
      }),
    )
  })
})
