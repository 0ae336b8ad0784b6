import { QUARTER_MS, type LocalTime, type Quarter } from './time-zone.ts'

export const PERIODS = ['day', 'week', 'month'] as const
export type Period = (typeof PERIODS)[number]

/** From when on until when it lasts. */
export type Stretch = Readonly<{ from: Quarter; to: Quarter }>

/** The day, the week from Monday on, or the month that a moment lies in, as people in the zone count them. */
export function stretchAround(quarter: Quarter, period: Period, local: LocalTime): Stretch {
  const day = dateOf(local.dayOf(quarter))
  const first = new Date(day)
  if (period === 'week') first.setUTCDate(day.getUTCDate() - ((day.getUTCDay() + 6) % 7))
  if (period === 'month') first.setUTCDate(1)
  const next = new Date(first)
  if (period === 'month') next.setUTCMonth(first.getUTCMonth() + 1)
  else next.setUTCDate(first.getUTCDate() + (period === 'week' ? 7 : 1))
  return { from: local.startOf(dayOf(first)), to: local.startOf(dayOf(next)) }
}

const dateOf = (day: string): Date => new Date(`${day}T00:00:00Z`)
const dayOf = (date: Date): string => date.toISOString().slice(0, 10)

export const quarterAt = (nowMs: number): Quarter => Math.floor(nowMs / QUARTER_MS)
