import { expect, test } from 'vitest'
import { bed, deployment } from '../gateway/fixtures/routing-bed.ts'
import { providerStates } from './provider-states.ts'

test('a key is booked by itself, and an older entry by its number ends when it is switched anew', async () => {
  const keys = ['aa', 'bb'].map((keyPrint, keyIndex) =>
    deployment(`p/m#${keyIndex + 1}`, { provider: 'p', keyIndex, keyPrint }),
  )
  const off = new Set(['key p#2'])
  const booked: string[] = []
  const switches = {
    off: () => off,
    set({ target, isOn }: Readonly<{ target: string; isOn: boolean }>) {
      booked.push(`${target} ${isOn ? 'on' : 'off'}`)
      if (isOn) off.delete(target)
      else off.add(target)
      return Promise.resolve()
    },
  }
  const { traffic, clock } = bed(keys, { switchedOff: [...off] })
  const events = { notice: () => undefined }
  const states = providerStates({ traffic, switches, events, clock })
  const set = (isOn: boolean, keyNumber: number) =>
    states.switch('p', { isOn, keyNumber, actor: 'key_admin' })
  await set(false, 1)
  await set(false, 2)
  await set(true, 2)
  expect(booked).toEqual(['key p@aa off', 'key p@bb off', 'key p#2 on', 'key p@bb on'])
  expect([...off]).toEqual(['key p@aa'])
  await expect(set(false, 3)).rejects.toMatchObject({ code: 'not_found' })
})
