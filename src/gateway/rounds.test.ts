import { expect, test } from 'vitest'
import { Rounds, type Watched } from './rounds.ts'

function handmade() {
  const waiting: (() => void)[] = []
  let now = 0
  const clock = {
    nowMs: () => now,
    ticksMs: () => now,
    after: (_ms: number, run: () => void) => {
      waiting.push(run)
      return () => undefined
    },
  }
  return {
    clock,
    waiting,
    tick(ms = 50) {
      now += ms
      for (const run of waiting.splice(0)) run()
    },
  }
}

const watched = (seen: string[], name: string, onLook?: () => void): Watched => ({
  slot: -1,
  look: () => {
    seen.push(name)
    onLook?.()
  },
  hurry: () => seen.push(`hurry ${name}`),
})

test('all that runs is looked at by one timer, and an empty house has none', () => {
  const house = handmade()
  const { clock, waiting } = house
  const rounds = new Rounds(clock)
  const seen: string[] = []
  const [a, b] = [watched(seen, 'a'), watched(seen, 'b')]
  rounds.add(a)
  rounds.add(b)
  expect(waiting.length).toBe(1)
  house.tick()
  expect(seen.toSorted()).toEqual(['a', 'b'])
  rounds.remove(a)
  rounds.remove(b)
  house.tick()
  expect(waiting.length).toBe(0)
  rounds.add(a)
  expect(waiting.length).toBe(1)
})

test('what is removed twice, or while it is looked at, takes nobody else’s place', () => {
  const house = handmade()
  const { clock } = house
  const rounds = new Rounds(clock)
  const seen: string[] = []
  const all = ['a', 'b', 'c', 'd'].map((name) => watched(seen, name))
  const leaving = watched(seen, 'leaving', () => {
    rounds.remove(leaving)
  })
  for (const one of [...all, leaving]) rounds.add(one)
  const [, b] = all
  if (b !== undefined) rounds.remove(b)
  if (b !== undefined) rounds.remove(b)
  house.tick()
  expect(seen.toSorted()).toEqual(['a', 'c', 'd', 'leaving'])
  seen.length = 0
  house.tick()
  expect(seen.toSorted()).toEqual(['a', 'c', 'd'])
  seen.length = 0
  rounds.hurry()
  expect(seen.toSorted()).toEqual(['hurry a', 'hurry c', 'hurry d'])
})

test('after a pause of the whole process nobody is found late before what came meanwhile was read', () => {
  const house = handmade()
  const rounds = new Rounds(house.clock)
  const seen: string[] = []
  rounds.add(watched(seen, 'a'))
  house.tick(5_000)
  expect(seen).toEqual([])
  house.tick()
  expect(seen).toEqual(['a'])
  // A machine on which all rounds are late has deadlines all the same.
  house.tick(5_000)
  house.tick(5_000)
  expect(seen).toEqual(['a', 'a'])
})
