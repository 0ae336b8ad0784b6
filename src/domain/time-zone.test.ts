import { describe, expect, test } from 'vitest'
import { isTimeZone, localTime, QUARTER_MS } from './time-zone.ts'

const at = (text: string): number => Date.parse(text) / QUARTER_MS
const hoursOf = (zone: string, day: string, next: string): number => {
  const { startOf } = localTime(zone)
  return (startOf(next) - startOf(day)) / 4
}

describe('a day', () => {
  test.each([
    ['UTC', '2026-03-29', '2026-03-30', 24],
    ['Europe/Berlin', '2026-03-29', '2026-03-30', 23],
    ['Europe/Berlin', '2026-10-25', '2026-10-26', 25],
    ['Australia/Lord_Howe', '2026-04-05', '2026-04-06', 24.5],
    ['America/Santiago', '2026-09-06', '2026-09-07', 23], // its clocks go forward at midnight
    ['Asia/Kolkata', '2026-03-29', '2026-03-30', 24],
  ])('in %s, %s, ends at the start of %s after %s hours', (zone, day, next, hours) => {
    expect(hoursOf(zone, day, next)).toBe(hours)
  })

  test.each([
    ['Asia/Kolkata', '2026-11-01', '2026-10-31T18:30:00Z'],
    ['Asia/Kathmandu', '2026-11-01', '2026-10-31T18:15:00Z'],
    ['Pacific/Kiritimati', '2026-11-01', '2026-10-31T10:00:00Z'],
    ['Pacific/Pago_Pago', '2026-11-01', '2026-11-01T11:00:00Z'],
    ['America/Santiago', '2026-09-06', '2026-09-06T04:00:00Z'],
  ])('in %s, %s, begins at %s', (zone, day, start) => {
    const { startOf, dayOf } = localTime(zone)
    expect(startOf(day)).toBe(at(start))
    expect(dayOf(at(start))).toBe(day)
    expect(dayOf(at(start) - 1) < day).toBe(true)
  })
})

test('the hour that comes twice in autumn is two hours', () => {
  const { hourOf } = localTime('Europe/Berlin')
  expect(hourOf(at('2026-10-25T00:45:00Z'))).toBe('2026-10-25T02:00+02:00')
  expect(hourOf(at('2026-10-25T01:00:00Z'))).toBe('2026-10-25T02:00+01:00')
})

test('an hour of a zone that is half an hour off begins at its own full hour', () => {
  const { hourOf } = localTime('Asia/Kolkata')
  expect(hourOf(at('2026-11-01T04:15:00Z'))).toBe('2026-11-01T09:00+05:30')
  expect(hourOf(at('2026-11-01T04:30:00Z'))).toBe('2026-11-01T10:00+05:30')
})

test.each([
  ['UTC', true],
  ['Europe/Berlin', true],
  ['America/Argentina/Buenos_Aires', true],
  ['Mars/Olympus', false],
  ['+05:30', false],
  ['', false],
  ['../etc', false],
  ['Europe/Berlin\n', false],
])('%j is a time zone: %s', (name, isOne) => {
  expect(isTimeZone(name)).toBe(isOne)
})
