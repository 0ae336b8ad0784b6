import { randomBytes } from 'node:crypto'
import { beforeAll, describe, expect, test } from 'vitest'
import { once } from './backup-file.ts'
import { DamagedBackup } from './damaged-backup.ts'
import { newSealing, seal, sealingOf, unseal, type Sealing } from './encryption.ts'

const PASSPHRASE = 'correct horse battery staple'
/** A chunk of 64 KiB and its tag. */
const SEALED = 64 * 1024 + 16

let sealing: Sealing
beforeAll(async () => {
  sealing = await newSealing(PASSPHRASE)
})

async function all(source: AsyncIterable<Buffer>): Promise<Buffer> {
  const pieces: Buffer[] = []
  for await (const piece of source) pieces.push(piece)
  return Buffer.concat(pieces)
}

const sealed = async (bytes: Buffer): Promise<Buffer> =>
  (await all(seal(sealing, once(bytes)))).subarray(sealing.header.length)

const opened = (bytes: Buffer): Promise<Buffer> => all(unseal(sealing, once(bytes)))

describe('what is sealed in chunks', () => {
  test.each([0, 1, 65_535, 65_536, 65_537, 131_072, 200_000])(
    'comes back whole: %d bytes',
    async (length) => {
      const bytes = randomBytes(length)
      expect((await opened(await sealed(bytes))).equals(bytes)).toBe(true)
    },
  )

  test('does not open without its last chunk, in another order, or with a chunk twice', async () => {
    const bytes = await sealed(randomBytes(200_000))
    const chunks = [0, 1, 2, 3].map((at) => bytes.subarray(at * SEALED, (at + 1) * SEALED))
    const orders = [[0, 1, 2], [0], [1, 0, 2, 3], [0, 2, 3], [0, 0, 1, 2, 3], [0, 1, 2, 3, 3]]
    for (const order of orders) {
      const other = Buffer.concat(order.map((at) => chunks[at] ?? Buffer.alloc(0)))
      await expect(opened(other), order.join()).rejects.toThrow(DamagedBackup)
    }
    await expect(opened(Buffer.concat(chunks))).resolves.toHaveLength(200_000)
  })

  test('is opened by its passphrase alone', async () => {
    const again = await sealingOf(sealing.header, PASSPHRASE)
    expect(again.key.equals(sealing.key)).toBe(true)
    await expect(sealingOf(sealing.header, `${PASSPHRASE} `)).rejects.toThrow(/not the passphrase/)
  })
})
