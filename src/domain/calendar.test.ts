import { expect, test } from 'vitest'
import { quarterAt, stretchAround, type Period } from './calendar.ts'
import { localTime, QUARTER_MS } from './time-zone.ts'

test.each([
  ['day', 'UTC', '2026-11-21T23:59:59Z', '2026-11-21T00:00:00.000Z', '2026-11-22T00:00:00.000Z'],
  [
    'day',
    'Europe/Berlin',
    '2026-11-20T23:30:00Z',
    '2026-11-20T23:00:00.000Z',
    '2026-11-21T23:00:00.000Z',
  ],
  [
    'day',
    'Asia/Kathmandu',
    '2026-11-20T18:15:00Z',
    '2026-11-20T18:15:00.000Z',
    '2026-11-21T18:15:00.000Z',
  ],
  // The days on which the clocks are changed have 23 and 25 hours.
  [
    'day',
    'Europe/Berlin',
    '2026-03-29T12:00:00Z',
    '2026-03-28T23:00:00.000Z',
    '2026-03-29T22:00:00.000Z',
  ],
  [
    'day',
    'Europe/Berlin',
    '2026-10-25T12:00:00Z',
    '2026-10-24T22:00:00.000Z',
    '2026-10-25T23:00:00.000Z',
  ],
  ['week', 'UTC', '2026-11-22T23:00:00Z', '2026-11-16T00:00:00.000Z', '2026-11-23T00:00:00.000Z'],
  ['week', 'UTC', '2026-11-23T00:00:00Z', '2026-11-23T00:00:00.000Z', '2026-11-30T00:00:00.000Z'],
  ['week', 'UTC', '2027-01-01T00:00:00Z', '2026-12-28T00:00:00.000Z', '2027-01-04T00:00:00.000Z'],
  [
    'month',
    'America/New_York',
    '2026-12-01T04:59:00Z',
    '2026-11-01T04:00:00.000Z',
    '2026-12-01T05:00:00.000Z',
  ],
  ['month', 'UTC', '2026-12-31T23:59:59Z', '2026-12-01T00:00:00.000Z', '2027-01-01T00:00:00.000Z'],
  ['month', 'UTC', '2028-02-29T12:00:00Z', '2028-02-01T00:00:00.000Z', '2028-03-01T00:00:00.000Z'],
] as const)('the %s in %s around %s', (period: Period, zone, moment, from, to) => {
  const stretch = stretchAround(quarterAt(Date.parse(moment)), period, localTime(zone))
  const shown = (quarter: number) => new Date(quarter * QUARTER_MS).toISOString()
  expect([shown(stretch.from), shown(stretch.to)]).toEqual([from, to])
})
