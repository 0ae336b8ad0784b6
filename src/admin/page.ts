import { z } from 'zod'
import { invalidRequest } from '../domain/failure.ts'

/** Things that are only ever added have a number: a page begins at one, and the next where this one ended. */
export type PageQuery = Readonly<{ from: number; limit: number }>

export type Page<T> = Readonly<{ data: readonly T[]; next: number | undefined }>

const LIMIT_DEFAULT = 100
const LIMIT_MAX = 1_000

const LIMIT_RULE = `must be a whole number from 1 to ${LIMIT_MAX}.`

/** Fields of the query that all pages share. */
export const paging = {
  limit: z
    .string()
    .optional()
    .transform((text) => limitIn(text))
    .meta({ description: `At most so many, ${LIMIT_DEFAULT} without it`, example: '100' }),
  cursor: z.string().optional().meta({ description: '`next_cursor` of the page before' }),
}

function limitIn(text: string | undefined): number {
  if (text === undefined) return LIMIT_DEFAULT
  const limit = /^[1-9][0-9]{0,3}$/.test(text) ? Number(text) : LIMIT_MAX + 1
  if (limit <= LIMIT_MAX) return limit
  throw invalidRequest(`'limit' ${LIMIT_RULE}`, 'limit')
}

/** Those of `all` that `view` shows, up to the limit; `all` begins with number `from`. */
export function pageOf<T, V>(
  all: Iterable<T>,
  { from, limit }: PageQuery,
  view: (one: T) => V | undefined,
): Page<V> {
  const data: V[] = []
  let at = from
  for (const one of all) {
    const shown = view(one)
    if (shown !== undefined) {
      if (data.length === limit) return { data, next: at }
      data.push(shown)
    }
    at++
  }
  return { data, next: undefined }
}
