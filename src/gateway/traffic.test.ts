import { describe, expect, test } from 'vitest'
import { ANSWERED, bed, deployment, failed } from './fixtures/routing-bed.ts'

describe('what is known of a deployment', () => {
  const [a, b] = [deployment('a'), deployment('b')]

  test('is that it fails too often, until three calls after the pause have succeeded', () => {
    const { traffic, clock, told } = bed([a, b])
    for (let count = 0; count < 5; count++) traffic.begin(a).ended(failed('server'))
    expect(traffic.stateOf(a).kind).toBe('open')
    clock.pass(30_000)
    expect(traffic.stateOf(a).kind).toBe('probing')
    const probe = traffic.begin(a)
    expect(traffic.stateOf(a).kind).toBe('open')
    probe.ended(ANSWERED)
    for (let count = 0; count < 2; count++) traffic.begin(a).ended(ANSWERED)
    expect(traffic.stateOf(a).kind).toBe('ready')
    expect(told).toEqual([
      'a deployment fails and is left alone for a while',
      'a deployment works again',
    ])
  })

  test('goes with its key, and not with another key of the provider', () => {
    const [one, same, other] = [
      deployment('one', { provider: 'p' }),
      deployment('same', { provider: 'p' }),
      deployment('other', { provider: 'p', keyIndex: 1 }),
    ]
    const { traffic } = bed([one, same, other])
    traffic.begin(one).ended(failed('credential', 401))
    expect([one, same, other].map((each) => traffic.stateOf(each).kind)).toEqual([
      ...['off', 'off', 'ready'],
    ])
  })

  test('outlives a reload, and its limit is that of the new configuration', () => {
    const { traffic, reload } = bed([a, b])
    const running = traffic.begin(a)
    const reloaded = deployment('a', { concurrencyMax: 1 })
    reload([reloaded])
    expect(traffic.inFlight(reloaded)).toBe(1)
    expect(traffic.stateOf(reloaded).kind).toBe('full')
    expect(traffic.stateOf(a).kind).toBe('full')
    running.ended(ANSWERED)
    expect(traffic.firstByteMs(reloaded)).toBe(100)
    expect(traffic.stateOf(reloaded).kind).toBe('ready')
  })

  test('is forgotten, in the end, where callers make up names, but not while it is asked', () => {
    const { traffic } = bed([a, b])
    const madeUp = (at: number) => deployment(`made/${at}`, { provider: 'open' })
    const running = traffic.begin(a)
    for (let count = 0; count < 5; count++) traffic.begin(madeUp(0)).ended(failed('misrouted', 404))
    expect(traffic.stateOf(madeUp(0)).kind).toBe('open')
    for (let at = 1; at < 10_001; at++) traffic.begin(madeUp(at)).ended(failed('misrouted', 404))
    expect(traffic.stateOf(madeUp(0)).kind).toBe('ready')
    expect(traffic.inFlight(a)).toBe(1)
    running.ended(ANSWERED)
  })

  test('is not held against it once an operator has switched it off and on', () => {
    const { traffic } = bed([a, b])
    traffic.begin(a).ended(failed('credential', 401))
    traffic.switchOff({ kind: 'provider', provider: 'a' })
    expect(traffic.stateOf(a)).toMatchObject({ kind: 'off', isSwitchedOff: true })
    traffic.switchOn({ kind: 'provider', provider: 'a' })
    expect(traffic.stateOf(a).kind).toBe('ready')
  })
})

/** `p/m` by one of the provider's keys, whose number follows from its place in a list. */
const keyed = (keyPrint: string, keyIndex: number) =>
  deployment(keyIndex === 0 ? 'p/m' : `p/m#${keyIndex + 1}`, {
    ...{ provider: 'p', upstreamModel: 'm', keyIndex, keyPrint },
  })
const listed = (...prints: readonly string[]) => prints.map(keyed)

describe('what is known of a key', () => {
  test('goes with the key when its number changes, and is gone when the key is', () => {
    const { traffic, reload } = bed(listed('bad', 'good', 'slow'))
    traffic.begin(keyed('bad', 0)).ended(failed('credential', 401))
    for (let count = 0; count < 5; count++) traffic.begin(keyed('slow', 2)).ended(failed('server'))
    const states = () => traffic.view().map(({ id, state }) => [id, state.kind])
    expect(states()).toEqual([
      ['p/m', 'off'],
      ['p/m#2', 'ready'],
      ['p/m#3', 'open'],
    ])
    reload(listed('good', 'slow'))
    expect(states()).toEqual([
      ['p/m', 'ready'],
      ['p/m#2', 'open'],
    ])
    expect(Array.from(traffic.keys(), ({ keyIndex }) => keyIndex)).toEqual([0, 1])
    reload(listed('bad', 'good'))
    expect(states()).toEqual([
      ['p/m', 'ready'],
      ['p/m#2', 'ready'],
    ])
  })

  test('is told of those that were sent before a reload, too', () => {
    const { traffic, reload } = bed(listed('one', 'two'))
    const running = traffic.begin(keyed('two', 1))
    reload(listed('two'))
    expect(traffic.view()).toMatchObject([{ id: 'p/m', inFlight: 1 }])
    running.ended(failed('credential', 401))
    expect(traffic.view()).toMatchObject([{ id: 'p/m', inFlight: 0, state: { kind: 'off' } }])
  })
})

describe('an operator’s switch', () => {
  const areOff = ({ traffic }: ReturnType<typeof bed>, ...prints: readonly string[]) =>
    listed(...prints).map((one) => traffic.isSwitchedOff(one))

  test('stays with its key', () => {
    const one = bed(listed('a', 'b', 'c'))
    one.traffic.switchOff({ ...keyed('b', 1), kind: 'key' })
    expect(areOff(one, 'a', 'b', 'c')).toEqual([false, true, false])
    expect(areOff(one, 'a', 'c')).toEqual([false, false])
    expect(areOff(one, 'b', 'c')).toEqual([true, false])
  })

  test.each(['on', 'off'] as const)(
    'of older books stands for a number, until the key that has it is switched %s',
    (state) => {
      const one = bed(listed('a', 'b', 'c'), { switchedOff: ['key p#2'] })
      expect(areOff(one, 'a', 'b', 'c')).toEqual([false, true, false])
      expect(areOff(one, 'a', 'c')).toEqual([false, true])
      const target = { ...keyed('b', 1), kind: 'key' } as const
      if (state === 'on') one.traffic.switchOn(target)
      else one.traffic.switchOff(target)
      expect(areOff(one, 'a', 'b', 'c')).toEqual([false, state === 'off', false])
      expect(areOff(one, 'a', 'c')).toEqual([false, false])
    },
  )
})
