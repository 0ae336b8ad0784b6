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

test.each(rows)('docs/FAULTS.md: $id $words is a test of that name', ({ id, file, words }) => {
  const named = id === '' ? '' : `${id}: `
  const titles = titlesIn(file).filter((title) => title.startsWith(named))
  expect(titles.filter((title) => title.includes(words))).not.toEqual([])
})

/** Those of providers, callers and overload; the others are in docs/PROOF.md. */
const ALL = 'F05 F11 F13 F16 F38 F40 F41 F42 F43 F44 F45 F48 F49 F50 F51 F55 F57 F58 F59'

test('docs/FAULTS.md has each fault of a provider, a caller and the process', () => {
  const known = new Set(rows.map(({ id }) => id))
  expect(ALL.split(' ').filter((id) => !known.has(id))).toEqual([])
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
