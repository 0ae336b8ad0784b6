import { UTC } from '../domain/time-zone.ts'
import {
  DIMENSIONS,
  parseUsageQuery,
  type Parameters,
  type UsagePage,
  type UsagePosition,
  type UsageQuery,
} from '../domain/usage-query.ts'
import type { UsageBook } from '../ports/usage.ts'

type Needs = Readonly<{ usage: UsageBook; nowMs: () => number }>
type Asked = Readonly<{ parameters: Parameters; position: UsagePosition | undefined }>

/** The usage of all accounts; days are those of UTC where no time zone is asked for. */
export async function readUsage(
  { usage, nowMs }: Needs,
  { parameters, position }: Asked,
): Promise<{ query: UsageQuery; page: UsagePage }> {
  const asking = { nowMs: nowMs(), timeZone: UTC, dimensions: DIMENSIONS }
  const query = parseUsageQuery(parameters, asking, position)
  return { query, page: await usage.sum(query) }
}
