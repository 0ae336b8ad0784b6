import { isObject, type JsonObject } from '../../domain/chat-request.ts'
import type { Usage } from '../../domain/usage.ts'

/**
 * OpenAI's totals as buckets that never overlap. Prompt totals include cached, written, audio and image tokens, and
 * completion totals include reasoning and audio; a detail larger than what is left of its total is cut to that. xAI's leave
 * reasoning out, which shows by the total of both. Undefined when the object does not report both: half a report would
 * take what it does not tell for nothing.
 */
export function usageFrom(reported: unknown): Usage | undefined {
  if (!isObject(reported)) return undefined
  const total = count(reported['total_tokens'])
  const prompt = count(reported['prompt_tokens'])
  const completion = count(reported['completion_tokens']) ?? restOf(total, prompt)
  if (prompt === undefined || completion === undefined) return undefined
  const inputs = details(reported['prompt_tokens_details'])
  const outputs = details(reported['completion_tokens_details'])
  const reasoning = count(outputs['reasoning_tokens']) ?? 0
  const isApart = total === prompt + completion + reasoning
  const input = new Total(prompt)
  const output = new Total(isApart ? completion + reasoning : completion)
  const cached = count(inputs['cached_tokens']) ?? count(reported['prompt_cache_hit_tokens'])
  return {
    cachedInput: input.take(cached),
    cacheWrite: input.take(count(inputs['cache_write_tokens'])),
    audioInput: input.take(count(inputs['audio_tokens'])),
    image: input.take(count(inputs['image_tokens'])),
    input: input.rest,
    audioOutput: output.take(count(outputs['audio_tokens'])),
    output: output.rest,
  }
}

const restOf = (total: number | undefined, part: number | undefined): number | undefined =>
  total === undefined || part === undefined || total < part ? undefined : total - part

class Total {
  rest: number
  constructor(total: number) {
    this.rest = total
  }

  take(part: number | undefined): number {
    const taken = Math.min(part ?? 0, this.rest)
    this.rest -= taken
    return taken
  }
}

/** No answer has more: such a number is a mistake, and what it would cost may be beyond all that the books can write down. */
const TOKENS_MAX = 1_000_000_000

const count = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= TOKENS_MAX
    ? value
    : undefined

const details = (value: unknown): JsonObject => (isObject(value) ? value : {})

/** Some upstreams write an empty reason into every chunk. */
export const isFinish = (reason: unknown): boolean => typeof reason === 'string' && reason !== ''
