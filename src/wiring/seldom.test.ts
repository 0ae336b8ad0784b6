import { expect, test } from 'vitest'
import { seldom } from './seldom.ts'

test('a name is told of once a minute, and others besides', () => {
  let nowTicks = 0
  const isToBeTold = seldom(() => nowTicks)
  const told = (...names: string[]) => names.filter(isToBeTold)
  expect(told('anna', 'anna', 'bert', 'anna')).toEqual(['anna', 'bert'])
  nowTicks = 59_999
  expect(told('anna')).toEqual([])
  nowTicks = 60_000
  expect(told('anna', 'anna')).toEqual(['anna'])
})
