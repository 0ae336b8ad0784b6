import { expect, test } from 'vitest'
import { splitId } from './request-id.ts'

test('a request id is its run and a number of ten digits', () => {
  const split = { run: 'req_750d467ffd87', count: 1_000_000_462 }
  expect(splitId('req_750d467ffd871000000462')).toEqual(split)
  expect(splitId('9999999999')).toEqual({ run: '', count: 9_999_999_999 })
})

test('an id of any other form is a run of its own', () => {
  const others = [
    '',
    '7',
    'req_0000000462',
    'req_100000046x',
    '999999999',
    'r1:00000000',
    '１000000000',
  ]
  for (const id of others) expect(splitId(id)).toEqual({ run: id, count: 0 })
})
