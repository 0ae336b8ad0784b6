import fc from 'fast-check'
import { expect, test } from 'vitest'
import { headerLine, joined, linesOf, namesAndValues, NO_LINES } from './header-lines.ts'

const FIT = /^[\t\x20-\x7e\x80-\xff]*$/

test('a value that could end its header, or that is no Latin-1, gets into no head', () => {
  for (const value of ['b\r\nset-cookie: c', 'b\r', '\nb', 'b\0', '\x7f', '’'])
    expect(() => headerLine('x-a', value)).toThrow('the header x-a has an unfit value')
  expect(() => linesOf({ 'x-a': 'fit', 'x-b': 'b\n' })).toThrow('x-b')
})

test('lines are read again as what they were made of', () => {
  const fit = fc.string({
    unit: fc.integer({ min: 0, max: 255 }).map((n) => String.fromCharCode(n)),
  })
  fc.assert(
    fc.property(fc.array(fit.filter((value) => FIT.test(value))), (values) => {
      const lines = values.map((value, at) => headerLine(`x-${at}`, value)).reduce(joined, NO_LINES)
      expect(namesAndValues(lines)).toEqual(values.flatMap((value, at) => [`x-${at}`, value]))
    }),
  )
  expect(namesAndValues(headerLine('x-a', 'b: c:'))).toEqual(['x-a', 'b: c:'])
})
