import type { Context } from 'koa'
import type { Page, PageQuery } from '../admin/page.ts'
import { badCursor } from '../domain/usage-query.ts'
import { readCursor, writeCursor } from './cursor.ts'
import { readParameters } from './read-usage-question.ts'

type Asked = Readonly<{ limit: number; cursor: string | undefined }>

/** Where a page begins: a cursor belongs to the question that it was given for. */
export function pageQuery(ctx: Context, { limit, cursor }: Asked): PageQuery {
  if (cursor === undefined) return { from: 0, limit }
  const from = readCursor(cursor, questionOf(ctx))
  if (typeof from !== 'number') throw badCursor()
  return { from, limit }
}

export const nextCursor = <T>(ctx: Context, { data, next }: Page<T>) => ({
  data,
  has_more: next !== undefined,
  next_cursor: next === undefined ? null : writeCursor(next, questionOf(ctx)),
})

const questionOf = (ctx: Context): string => `${ctx.path} ${readParameters(ctx).text}`
