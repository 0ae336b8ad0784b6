import type { z } from 'zod'
import { limitRule, parseLimit, type LimitName } from '../domain/limit.ts'
import { checkedText } from './fields.ts'

function limit(
  name: LimitName,
): z.ZodPipe<z.ZodType<string>, z.ZodTransform<string | number, string>> {
  const check = {
    message: `is not ${limitRule(name)}`,
    fix: 'write plain digits within that range',
  }
  const isGood = (text: string): boolean => parseLimit(name, text) !== undefined
  return checkedText(isGood, check).transform((text) => parseLimit(name, text) ?? 0)
}

/** Each limit by its name, and none of them has to be said. */
export const LIMIT_FIELDS = {
  requests_per_minute: limit('requests_per_minute').optional(),
  requests_per_day: limit('requests_per_day').optional(),
  tokens_per_minute: limit('tokens_per_minute').optional(),
  tokens_per_day: limit('tokens_per_day').optional(),
  concurrent_requests: limit('concurrent_requests').optional(),
  spend_per_day: limit('spend_per_day').optional(),
  spend_per_week: limit('spend_per_week').optional(),
  spend_per_month: limit('spend_per_month').optional(),
} as const satisfies Record<LimitName, z.ZodType>
