import fc from 'fast-check'
import { expect, test } from 'vitest'
import { lineText, type LogEntry } from './log-text.ts'

const entry = (fields: LogEntry['fields']): LogEntry => ({
  timeMs: 1_764_000_000_000,
  level: 'info',
  fields,
})

test('a line starts with time and level', () => {
  expect(lineText(entry({ event: 'a', n: 1 }))).toBe(
    '{"time":"2025-11-24T16:00:00.000Z","level":"info","event":"a","n":1}',
  )
  expect(lineText(entry({}))).toBe('{"time":"2025-11-24T16:00:00.000Z","level":"info"}')
})

test('an event is one line, without anything a terminal would obey', () => {
  const evil = 'a\r\nb\u2028c\u2029d\u001b[31me\u009bf\u007fg\u202eh\u2066i"\\,"level":"error"'
  const line = lineText(entry({ event: 'x', evil, [evil]: 1 }))
  // eslint-disable-next-line no-control-regex
  expect(line).toMatch(/^[^\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]*$/)
  expect(JSON.parse(line)).toMatchObject({ level: 'info', evil })
})

test('whatever the fields hold, an event is a line of JSON', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string({ unit: 'binary' }), fc.anything()), (fields) => {
      const line = lineText(entry({ ...fields, event: 'x' }))
      expect(line).not.toContain('\n')
      expect(JSON.parse(line)).toHaveProperty('event')
    }),
  )
})
