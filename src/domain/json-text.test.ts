import { expect, test } from 'vitest'
import { jsonText } from './json-text.ts'

test('what was read is written again, and refused where it is nested too deeply for that', () => {
  const nested = (depth: number): unknown => JSON.parse('['.repeat(depth) + ']'.repeat(depth))
  expect(jsonText(nested(3))).toBe('[[[]]]')
  expect(() => jsonText(nested(100_000))).toThrow('The body is nested too deeply.')
})
