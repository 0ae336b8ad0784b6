import { expect, test } from 'vitest'
import { batchRows } from './batch-rows.ts'

const issuedBy = (...lines: string[]) => batchRows(lines.join('\n'), 'batch')

test.each([
  ['thousand,1,000', 'line 3: has 3 fields, and the first line names 2.'],
  ['surplus,1,', 'line 3: has 3 fields, and the first line names 2.'],
  ['alone', 'line 3: has 1 fields, and the first line names 2.'],
  ['"quo,2', 'line 3: a quote is not closed.'],
  ['"quo"te,2', 'line 3: something stands behind a closing quote.'],
  ['qu"ote,2', 'line 3: a quote stands inside a field.'],
])('a line such as %s is refused by its number, and nothing is issued', (line, words) => {
  const batch = () => issuedBy('account,credits', 'anna,5', line)
  expect(batch).toThrow(words)
  expect(batch).toThrow('Nothing was issued.')
})

test('lines are counted as they stand in the file, empty ones, too', () => {
  const lines = issuedBy('account,credits', '', 'anna,5', ',', '"bob","1"', '')
  expect(lines.map(({ line, wish }) => [line, wish])).toEqual([
    [3, { type: 'user', account: 'anna', credits: '5' }],
    [5, { type: 'user', account: 'bob', credits: '1' }],
  ])
})

test.each(['account,lunch', 'credits', 'account,credits,credits', '"account,credits', ''])(
  'a first line %j names no columns',
  (head) => {
    expect(() => issuedBy(head, 'anna,5')).toThrow('The first line names the columns')
  },
)
