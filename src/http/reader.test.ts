import { once } from 'node:events'
import net, { type AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { LOOK_EVERY_MS, Reader } from './reader.ts'

const MEGABYTE = 1024 * 1024

/** The two ends of a connection, of which one does not read. */
async function connection() {
  const server = net.createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const caller = net.connect((server.address() as AddressInfo).port, '127.0.0.1')
  const [accepted] = (await once(server, 'connection')) as [net.Socket]
  caller.pause()
  onTestFinished(() => {
    caller.destroy()
    accepted.destroy()
    server.close()
  })
  return { caller, accepted }
}

const settled = () => new Promise((resolve) => setTimeout(resolve, 50))

/** Until the system takes no more of it. */
async function filled(accepted: net.Socket) {
  const reader = new Reader()
  accepted.write(Buffer.alloc(32 * MEGABYTE))
  reader.idleMs(accepted)
  await expect
    .poll(async () => {
      await settled()
      return reader.idleMs(accepted)
    })
    .toBe(LOOK_EVERY_MS)
  return reader
}

test('who takes nothing is idle for longer at each look, whatever else is written to them', async () => {
  const { accepted } = await connection()
  const reader = await filled(accepted)
  expect(reader.idleMs(accepted)).toBe(2 * LOOK_EVERY_MS)
  accepted.write(': keep-alive\n\n')
  expect(reader.idleMs(accepted)).toBe(3 * LOOK_EVERY_MS)
})

test('who takes a part of one large answer is not idle', async () => {
  const { caller, accepted } = await connection()
  const reader = await filled(accepted)
  let got = 0
  caller.on('data', (bytes: Buffer) => {
    got += bytes.byteLength
    if (got > 16 * MEGABYTE) caller.pause()
  })
  caller.resume()
  await expect.poll(() => caller.isPaused()).toBe(true)
  await settled()
  expect(accepted.writableLength).toBeGreaterThan(0)
  expect(reader.idleMs(accepted)).toBe(0)
})

test('who has taken all is not idle, however long nothing is said', async () => {
  const { caller, accepted } = await connection()
  const reader = await filled(accepted)
  caller.resume()
  await expect.poll(() => accepted.writableLength).toBe(0)
  expect([reader.idleMs(accepted), reader.idleMs(accepted)]).toEqual([0, 0])
})
