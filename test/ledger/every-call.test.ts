import fs from 'node:fs'
import { expect, test } from 'vitest'
import { makeBooks, newPlace, tryCall } from './every-call.ts'

/** All calls where the whole proof is asked for, else one in so many. */
const STEP = process.env['PROOF'] === 'whole' ? 1 : 23
const AT_ONCE = 8

test.for(['ENOSPC', 'EIO'] as const)(
  'whichever call to the file system fails with %s, nothing that was acknowledged is lost or doubled',
  { timeout: 600_000 },
  async (code) => {
    const from = newPlace()
    await makeBooks(from)
    const { calls } = await tryCall(from, 0, code)
    expect(calls).toBeGreaterThan(300)
    const ends = new Set<string>()
    const left = Array.from({ length: Math.floor(calls / STEP) }, (_, index) => 1 + index * STEP)
    const worker = async (): Promise<void> => {
      for (let nth = left.shift(); nth !== undefined; nth = left.shift()) {
        const { end } = await tryCall(from, nth, code)
        ends.add(end)
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, worker))
    expect(ends).toContain('lived')
    fs.rmSync(from, { recursive: true })
  },
)
