import fs from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { root } from '../support/gateway-process.ts'

const rows = Array.from(
  fs
    .readFileSync(path.join(root, 'docs', 'FAULTS.md'), 'utf8')
    .matchAll(/^\| (F\d\d| {3}) \|.*\| `([^`]+)`: (.+?) +\|$/gm),
  ([, id = '', file = '', words = '']) => ({ id: id.trim(), file, words }),
)

const titlesIn = (file: string): string[] =>
  Array.from(
    fs
      .readFileSync(path.join(root, file), 'utf8')
      .matchAll(/(?:test|describe)(?:\.each\([^]*?\))?\(\s*(['`])([^]*?)\1,/g),
    ([, , title = '']) => title,
  )

test.each(rows)('docs/FAULTS.md: $id $words is a test', ({ file, words }) => {
  expect(titlesIn(file).filter((title) => title.includes(words))).not.toEqual([])
})

test('docs/FAULTS.md has a row for each fault that a test is named after', () => {
  const named = fs
    .readdirSync(path.join(root, 'test', 'faults'))
    .filter((name) => name.endsWith('.test.ts'))
    .flatMap((name) => titlesIn(path.join('test', 'faults', name)))
    .flatMap((title) => /^F\d\d/.exec(title)?.[0] ?? [])
  const known = new Set(rows.map(({ id }) => id))
  expect(named.filter((id) => !known.has(id))).toEqual([])
  expect(rows.length).toBeGreaterThan(25)
})
