import { expect, test } from 'vitest'
import { KeyTraffic } from './key-traffic.ts'

/** Waits in vain: two are in flight, which is as many as there is room for. */
async function waitInVain(key: KeyTraffic): Promise<string | undefined> {
  let passTime: () => void = () => undefined
  const clock = {
    nowMs: () => 0,
    ticksMs: () => 0,
    after(_ms: number, run: () => void) {
      passTime = run
      return () => undefined
    },
  }
  const wait = { account: 'acme', weight: 1, waitMs: 100, onGone: () => undefined }
  const waited = key.wait(clock, wait, () => 'a place')
  passTime()
  return waited
}

/** It became slow with so many in flight, or refused some of them. */
function limitedKey(refused: boolean): KeyTraffic {
  const key = new KeyTraffic({ provider: 'openai', keyIndex: 0, concurrencyMax: Infinity })
  if (refused) key.limit.refused(0, 100, 0)
  else {
    for (let at = 0; at < 100; at++) key.limit.began(at * 1_000, 100, 100)
    for (let at = 100; key.limit.limit === Infinity; at++) key.limit.began(at * 1_000, 100, 1_000)
  }
  key.inFlight = key.most
  expect(key.hasRoom).toBe(false)
  return key
}

test('who waits in vain because a provider limits its key gets no place', async () => {
  expect(await waitInVain(limitedKey(true))).toBeUndefined()
})

test('nobody is refused because a provider was only slow', async () => {
  expect(await waitInVain(limitedKey(false))).toBe('a place')
})

test('not even a slow provider gets more than the operator allows', async () => {
  const key = limitedKey(false)
  key.concurrencyMax = key.inFlight
  expect(await waitInVain(key)).toBeUndefined()
})

test('a place that becomes free goes to who waits', async () => {
  const key = limitedKey(true)
  const clock = { nowMs: () => 0, ticksMs: () => 0, after: () => () => undefined }
  const wait = { account: 'acme', weight: 1, waitMs: 100, onGone: () => undefined }
  const waited = key.wait(clock, wait, () => 'a place')
  key.inFlight--
  key.admit(1)
  expect(await waited).toBe('a place')
})
