import { describe, expect, test } from 'vitest'
import { Failure } from './failure.ts'
import { QUARTER_MS } from './time-zone.ts'
import { DIMENSIONS, parseUsageQuery, type Parameters } from './usage-query.ts'

const asking = (timeZone: string, now = '2026-11-21T14:07:00Z') => ({
  ...{ nowMs: Date.parse(now), timeZone, dimensions: DIMENSIONS },
})
const timesOf = (given: Parameters, timeZone = 'UTC', now?: string): string[] => {
  const { from, to } = parseUsageQuery(given, asking(timeZone, now))
  return [from, to].map((quarter) => new Date(quarter * QUARTER_MS).toISOString().slice(0, 16))
}

describe('the time that a question is about', () => {
  test('is the last thirty days and today so far, where nothing is said', () => {
    expect(timesOf({})).toEqual(['2026-10-23T00:00', '2026-11-21T14:15'])
    expect(timesOf({}, 'Asia/Kolkata')).toEqual(['2026-10-22T18:30', '2026-11-21T14:15'])
  })

  test('begins at midnight, also when the clocks changed meanwhile', () => {
    expect(timesOf({}, 'Europe/Berlin', '2026-11-10T12:00:00Z')[0]).toBe('2026-10-11T22:00')
    expect(timesOf({}, 'Europe/Berlin', '2026-04-10T12:00:00Z')[0]).toBe('2026-03-11T23:00')
  })

  test('has whole days from the first to the last that is named', () => {
    const days = { from: '2026-10-25', to: '2026-10-25' }
    expect(timesOf(days)).toEqual(['2026-10-25T00:00', '2026-10-26T00:00'])
    expect(timesOf(days, 'Europe/Berlin')).toEqual(['2026-10-24T22:00', '2026-10-25T23:00'])
    expect(timesOf({ to: '2026-02-28' })[1]).toBe('2026-03-01T00:00')
  })

  test('is widened to quarters of an hour where it is given as times', () => {
    const times = { from: '2026-11-01T09:20:00+01:00', to: '2026-11-01T08:31Z' }
    expect(timesOf(times)).toEqual(['2026-11-01T08:15', '2026-11-01T08:45'])
  })

  test('may be given in the days of any time zone', () => {
    const given = { from: '2026-11-01', to: '2026-11-01', time_zone: 'Pacific/Kiritimati' }
    expect(timesOf(given)).toEqual(['2026-10-31T10:00', '2026-11-01T10:00'])
  })
})

test('a later page keeps the time of the first, however much time has passed', () => {
  const first = parseUsageQuery({}, asking('UTC'))
  const position = { from: first.from, to: first.to, after: ['2026-11-01'] }
  const next = parseUsageQuery({}, asking('UTC', '2027-05-05T00:00:00Z'), position)
  expect(next).toEqual({ ...first, after: ['2026-11-01'] })
})

test('a position with another number of names than there are groups is no cursor', () => {
  const position = { from: 1, to: 2, after: ['a', 'b'] }
  expect(() => parseUsageQuery({}, asking('UTC'), position)).toThrow(Failure)
})

test('groups are in one order, however they are asked for', () => {
  const { groupBy } = parseUsageQuery({ group_by: 'model, day' }, asking('UTC'))
  expect(groupBy).toEqual(['day', 'model'])
  expect(parseUsageQuery({ group_by: 'none' }, asking('UTC')).groupBy).toEqual([])
})
