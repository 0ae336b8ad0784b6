import type { Context } from 'koa'
import { invalidRequest } from '../domain/failure.ts'
import { badCursor, type Parameters, type UsagePosition } from '../domain/usage-query.ts'
import { readCursor } from './cursor.ts'

export type UsageQuestion = Readonly<{
  parameters: Parameters
  position: UsagePosition | undefined
  isCsv: boolean
  /** The parameters as one text: a cursor belongs to it. */
  text: string
}>

/** A question about usage as it stands in the address. */
export function readUsageQuestion(ctx: Context): UsageQuestion {
  const { parameters, text } = readParameters(ctx)
  const { cursor } = parameters
  const position = cursor === undefined ? undefined : positionOf(cursor, text)
  return { parameters, position, isCsv: wantsCsv(ctx, parameters['format']), text }
}

/** What the address asks, and the same as one text: a cursor belongs to it. */
export function readParameters(ctx: Context): Pick<UsageQuestion, 'parameters' | 'text'> {
  const parameters = Object.create(null) as Record<string, string>
  for (const [name, value] of Object.entries(ctx.query)) {
    if (typeof value !== 'string') throw invalidRequest(`Give '${name}' once.`, name)
    parameters[name] = value
  }
  const asked = Object.entries(parameters).filter(([name]) => !PAGE_PARAMETERS.has(name))
  return { parameters, text: JSON.stringify(asked.sort()) }
}

/** These may change from page to page. */
const PAGE_PARAMETERS = new Set(['cursor', 'limit', 'format'])

function positionOf(cursor: string, text: string): UsagePosition {
  const position = readCursor(cursor, text)
  if (position === undefined) throw badCursor()
  return position as UsagePosition // whole, so it is as it was written
}

function wantsCsv(ctx: Context, format: string | undefined): boolean {
  if (format === undefined) return ctx.accepts('application/json', 'text/csv') === 'text/csv'
  if (format === 'csv' || format === 'json') return format === 'csv'
  throw invalidRequest("'format' must be json or csv.", 'format')
}
