import { expect, test } from 'vitest'
import { csvLine } from './csv.ts'

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
