/**
 * Days and hours as people in a time zone count them, over quarters of an hour since 1970: every zone in use is off UTC
 * by whole quarters, and changes its clocks at one.
 */
export type Quarter = number

export const QUARTER_MS = 15 * 60_000
export const UTC = 'UTC'

const ZONE_NAME = /^[A-Za-z][A-Za-z0-9_+-]*(?:\/[A-Za-z0-9_+-]+){0,3}$/

/** Whether it is a name of the time zone database, such as Europe/Berlin. */
export function isTimeZone(name: string): boolean {
  if (name.length > 64 || !ZONE_NAME.test(name)) return false
  try {
    new Intl.DateTimeFormat('en', { timeZone: name })
    return true
  } catch {
    return false // that is how Intl answers the question
  }
}

export type LocalTime = Readonly<{
  /** 2026-11-21 */
  dayOf(quarter: Quarter): string
  /** 2026-11-21T14:00+01:00: with its offset, or the hour that comes twice in autumn would be one. */
  hourOf(quarter: Quarter): string
  /** When a day begins; in some zones, on some days, not at midnight. */
  startOf(day: string): Quarter
}>

export function localTime(timeZone: string): LocalTime {
  const format = new Intl.DateTimeFormat('en-US', {
    ...{ timeZone, calendar: 'iso8601', hourCycle: 'h23', timeZoneName: 'longOffset' },
    ...{ year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit' },
  })
  const known = new Map<Quarter, { day: string; hour: string }>()
  const at = (quarter: Quarter) => {
    const found = known.get(quarter) ?? labels(format.formatToParts(quarter * QUARTER_MS))
    if (known.size >= KNOWN_MAX) known.clear()
    known.set(quarter, found)
    return found
  }
  const dayOf = (quarter: Quarter): string => at(quarter).day
  return { dayOf, hourOf: (quarter) => at(quarter).hour, startOf: (day) => startOf(day, dayOf) }
}

/** Ten years of quarters would be 20 MB; nobody asks for the same hour of them twice in a row. */
const KNOWN_MAX = 40_000

function labels(parts: readonly Intl.DateTimeFormatPart[]): { day: string; hour: string } {
  const part = (type: string): string => parts.find((one) => one.type === type)?.value ?? ''
  const day = `${part('year')}-${part('month')}-${part('day')}`
  const offset = part('timeZoneName').replace('GMT', '') || '+00:00'
  return { day, hour: `${day}T${part('hour')}:00${offset}` }
}

/** No zone is further from UTC than this. */
const FURTHEST = 15 * 4

function startOf(day: string, dayOf: (quarter: Quarter) => string): Quarter {
  const midnight = Date.parse(`${day}T00:00:00Z`) / QUARTER_MS
  let [before, after] = [midnight - FURTHEST, midnight + FURTHEST]
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2)
    if (dayOf(middle) < day) before = middle
    else after = middle
  }
  return after
}
