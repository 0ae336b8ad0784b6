import { expect, test } from 'vitest'
import { readCursor, writeCursor } from './cursor.ts'

const position = { from: 1, to: 2, after: ['größe', ''] }

test('a cursor is read as it was written, by the same question alone', () => {
  const cursor = writeCursor(position, 'question')
  expect(cursor).toMatch(/^[\w.-]+$/)
  expect(readCursor(cursor, 'question')).toEqual(position)
  expect(readCursor(cursor, 'another')).toBeUndefined()
})

test('a cursor with any one character changed, lost or added is not read', () => {
  const cursor = writeCursor(position, 'question')
  for (let at = 0; at < cursor.length; at++) {
    const other = cursor[at] === 'A' ? 'B' : 'A'
    const changed = [
      cursor.slice(0, at) + other + cursor.slice(at + 1),
      cursor.slice(0, at) + cursor.slice(at + 1),
      cursor.slice(0, at) + other + cursor.slice(at),
    ]
    for (const one of changed) expect(readCursor(one, 'question')).toBeUndefined()
  }
})
