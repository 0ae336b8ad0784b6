import { expect, test } from 'vitest'
import { aborts } from './aborts.ts'
import { fuzz } from './fuzz.ts'
import type { Scale } from './part.ts'

/** The quick share of `npm run test:soak`. */
const scale: Scale = { aborts: 100, idle: 0, slow: 0, fuzz: 300 }

test.runIf(process.platform === 'linux')(
  'callers who leave leave nothing behind: no connection, no call, no credit held',
  { timeout: 240_000 },
  async () => {
    expect((await aborts({ scale, seed: 1 }))['aborts']).toBe(150)
  },
)

test.runIf(process.platform === 'linux')(
  'requests with something wrong in them get an answer that is documented, and move nothing',
  { timeout: 240_000 },
  async () => {
    const statuses = await fuzz({ scale, seed: 1 })
    expect(Object.keys(statuses)).toEqual(expect.arrayContaining(['200', '400', '401', '404']))
  },
)
