import fc from 'fast-check'
import { expect, test } from 'vitest'
import { csvLine, readCsv } from './csv.ts'

test.each([
  ['plain', 'plain'],
  ['a,b', '"a,b"'],
  ['say "hi"', '"say ""hi"""'],
  ['two\nlines', '"two\nlines"'],
  ['=1+1', "'=1+1"],
  ['+1', "'+1"],
  ['-1', "'-1"],
  ['@cf/meta/llama', "'@cf/meta/llama"],
  ['\tx', "'\tx"],
  ['=cmd|"/c calc",A1', `"'=cmd|""/c calc"",A1"`],
  ['', ''],
  ['größe', 'größe'],
])('%j is written as %j', (field, text) => {
  expect(csvLine([field, 7])).toBe(`${text},7\r\n`)
})

test('a number is a number, also below zero', () => {
  expect(csvLine([-1, 0, 1.5])).toBe('-1,0,1.5\r\n')
})

const readLines = (text: string) =>
  readCsv(text).map((row) => [row.line, 'fields' in row ? row.fields : row.problem])

test('lines are read with their numbers, whatever ends them, and empty ones are left out', () => {
  const text = '\uFEFFa,b\r\n\r\n"x, ""y""","two\nlines"\n,,\rc,'
  expect(readLines(text)).toEqual([
    [1, ['a', 'b']],
    [3, ['x, "y"', 'two\nlines']],
    [6, ['c', '']],
  ])
})

test.each([
  ['a\n"quo,2\nb,3', 2, 'a quote is not closed.'],
  ['a\n"quo"x,2\nb,3', 2, 'something stands behind a closing quote.'],
  ['a\n"quo" ,2\nb,3', 2, 'something stands behind a closing quote.'],
  ['a\n"two\nlines"x\nb,3', 2, 'something stands behind a closing quote.'],
  ['a\nsay "hi",2\nb,3', 2, expect.stringMatching('a quote stands inside a field')],
])('%j is not guessed at', (text, line, problem) => {
  expect(readLines(text)).toContainEqual([line, problem])
})

test('what is written is read again as it was', () => {
  const field = fc.string().filter((text) => text.trim() !== '' && !/^[=+\-@\t\r]/.test(text))
  fc.assert(
    fc.property(fc.array(fc.array(field, { minLength: 1, maxLength: 4 })), (rows) => {
      const read = readCsv(rows.map(csvLine).join(''))
      expect(read.map((row) => 'fields' in row && row.fields)).toEqual(rows)
    }),
  )
})
