import { Failure, invalidRequest } from './failure.ts'
import type { MicroCredits } from './money.ts'
import { isTimeZone, localTime, QUARTER_MS, type LocalTime, type Quarter } from './time-zone.ts'
import type { Usage } from './usage.ts'

/** What usage can be summed by, in the order in which a row names it. */
export const DIMENSIONS = [
  'day',
  'hour',
  'account',
  'sub_account',
  'key',
  'model',
  'deployment',
  'outcome',
] as const
export type Dimension = (typeof DIMENSIONS)[number]
/** Those that can also be filtered by a name. */
type Named = Exclude<Dimension, 'day' | 'hour'>

/** A question to the books: what was used from one quarter of an hour on until before another, by what. */
export type UsageQuery = Readonly<{
  timeZone: string
  from: Quarter
  to: Quarter
  groupBy: readonly Dimension[]
  /** Asked: the model that was asked for, whichever answered. */
  only: Readonly<Partial<Record<Named | 'asked', string>>>
  /** Requests of the accounts themselves, which is meant unless it is said; of those below them; or of both. */
  of?: 'own' | 'below' | 'both'
  /** The last row of the page before this one. */
  after: readonly string[] | undefined
  rowsMax: number
}>

export type UsageSums = Readonly<{
  requests: number
  /** How many of them were counted here, because the provider did not say. */
  estimated: number
  usage: Usage
  /** What the answers cost by their prices, and what of it their accounts paid; the rest is the operator's. */
  cost: MicroCredits
  charged: MicroCredits
  /** Of requests of those below: what the ones right below paid for them. */
  sold: MicroCredits
  /** What the accounts were given back meanwhile, and of requests of those below, what the ones right below were. */
  refunded: MicroCredits
  returned: MicroCredits
  /** What the accounts were given back of what is charged here, whenever that was. */
  forgiven: MicroCredits
}>

export type UsageRow = Readonly<{ by: readonly string[]; sums: UsageSums }>

export type UsagePage = Readonly<{
  rows: readonly UsageRow[]
  /** Over all pages. */
  total: UsageSums
  hasMore: boolean
}>

/** Where the next page begins; the range stays the one of the first page, also where it was not given. */
export type UsagePosition = Readonly<{ from: Quarter; to: Quarter; after: readonly string[] }>

export function nextPosition({ from, to }: UsageQuery, page: UsagePage): UsagePosition | undefined {
  const after = page.hasMore ? page.rows.at(-1)?.by : undefined
  return after && { from, to, after }
}

/** Where a query stands: whose it is, in which days, and what it may ask by. */
export type Asking = Readonly<{
  nowMs: number
  timeZone: string
  dimensions: readonly Dimension[]
}>

export type Parameters = Readonly<Partial<Record<string, string>>>

const ROWS_DEFAULT = 100
const ROWS_MAX = 1_000
const DAYS_DEFAULT = 30
const DAY_QUARTERS = 96
const OTHER_PARAMETERS = ['of', 'from', 'to', 'group_by', 'time_zone', 'limit', 'cursor', 'format']

/** Reads a question as it stands in an address or on a command line. */
export function parseUsageQuery(
  given: Parameters,
  asking: Asking,
  position?: UsagePosition,
): UsageQuery {
  const of = whoseIn(given['of'])
  const dimensions = asking.dimensions.filter((one) => one !== HIDDEN[of])
  const named = dimensions.filter((one) => one !== 'day' && one !== 'hour')
  checkNames(given, [...named, ...OTHER_PARAMETERS])
  const timeZone = zoneOf(given['time_zone'], asking)
  const only: Partial<Record<Named, string>> = {}
  for (const name of named) {
    const value = given[name]
    if (value !== undefined) only[name] = value
  }
  const groupBy = groupingOf(given['group_by'], dimensions)
  const range = position ?? rangeOf(given, asking, localTime(timeZone))
  if (position !== undefined && position.after.length !== groupBy.length) throw badCursor()
  const { from, to } = range
  const query = { timeZone, from, to, groupBy, only, after: position?.after, ...rowsOf(given) }
  return of === 'below' ? { ...query, of } : query
}

export const badCursor = (): Failure =>
  new Failure(
    'invalid_cursor',
    'This cursor was not given out for these parameters. Ask for the first page again, without a cursor.',
    { param: 'cursor' },
  )

function checkNames(given: Parameters, known: readonly string[]): void {
  for (const [name, value] of Object.entries(given)) {
    if (!known.includes(name))
      throw invalidRequest(`There is no parameter '${name}'. There are: ${known.join(', ')}.`, name)
    if (value === '')
      throw invalidRequest(`'${name}' is empty. Give it a value or leave it out.`, name)
  }
}

/** Whose keys were used below an account is not its business; and only there is somebody below. */
const HIDDEN = { own: 'sub_account', below: 'key' } as const satisfies Record<string, Dimension>

function whoseIn(given: string | undefined): keyof typeof HIDDEN {
  if (given === undefined || given === 'own') return 'own'
  if (given === 'sub_accounts') return 'below'
  throw invalidRequest("'of' must be own or sub_accounts.", 'of')
}

function zoneOf(given: string | undefined, { timeZone }: Asking): string {
  if (given === undefined || isTimeZone(given)) return given ?? timeZone
  throw invalidRequest(
    "'time_zone' must be a name of the time zone database, such as Europe/Berlin or UTC.",
    'time_zone',
  )
}

function groupingOf(given: string | undefined, allowed: readonly Dimension[]): Dimension[] {
  if (given === undefined) return ['day']
  if (given === 'none') return []
  const names = given.split(',').map((name) => name.trim())
  const isRight = names.every((name) => allowed.some((one) => one === name))
  if (isRight && new Set(names).size === names.length)
    return allowed.filter((one) => names.includes(one))
  throw invalidRequest(
    `'group_by' must be none, or one or several of ${allowed.join(', ')}, each once, with commas between them.`,
    'group_by',
  )
}

function rowsOf({ limit }: Parameters): { rowsMax: number } {
  if (limit === undefined) return { rowsMax: ROWS_DEFAULT }
  const rowsMax = /^[1-9][0-9]{0,3}$/.test(limit) ? Number(limit) : ROWS_MAX + 1
  if (rowsMax <= ROWS_MAX) return { rowsMax }
  throw invalidRequest(`'limit' must be a whole number from 1 to ${ROWS_MAX}.`, 'limit')
}

type Range = Readonly<{ from: Quarter; to: Quarter }>

/** A day given as the end is meant whole; times are widened to quarters of an hour, and the answer says to which. */
function rangeOf(given: Parameters, { nowMs }: Asking, local: LocalTime): Range {
  const now = Math.floor(nowMs / QUARTER_MS) + 1
  const to = edgeOf('to', given['to'], local) ?? now
  const dayOfEnd = local.dayOf(to - 1)
  const from =
    edgeOf('from', given['from'], local) ??
    local.startOf(local.dayOf(local.startOf(dayOfEnd) - (DAYS_DEFAULT - 1) * DAY_QUARTERS + 8))
  if (from < to) return { from, to }
  throw invalidRequest("'from' must be before 'to'.", 'from')
}

const DAY = /^(?:19|20)[0-9]{2}-[0-9]{2}-[0-9]{2}$/
const TIME =
  /^(?:19|20)[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,3})?)?(?:Z|[+-][0-9]{2}:[0-9]{2})$/

function edgeOf(
  name: 'from' | 'to',
  text: string | undefined,
  local: LocalTime,
): Quarter | undefined {
  if (text === undefined) return undefined
  const isDay = DAY.test(text)
  const ms = isDay || TIME.test(text) ? Date.parse(isDay ? `${text}T00:00:00Z` : text) : NaN
  // Date.parse takes 2026-02-30 for the second of March.
  const isReal = !Number.isNaN(ms) && (!isDay || new Date(ms).toISOString().startsWith(text))
  if (!isReal) {
    throw invalidRequest(
      `'${name}' must be a day such as 2026-11-01, or a time such as 2026-11-01T09:30:00Z or …+01:00.`,
      name,
    )
  }
  if (!isDay) return name === 'from' ? Math.floor(ms / QUARTER_MS) : Math.ceil(ms / QUARTER_MS)
  return local.startOf(name === 'from' ? text : dayAfter(ms))
}

const dayAfter = (midnightMs: number): string =>
  new Date(midnightMs + DAY_QUARTERS * QUARTER_MS).toISOString().slice(0, 10)
