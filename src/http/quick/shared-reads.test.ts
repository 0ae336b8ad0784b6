import { once } from 'node:events'
import net, { type AddressInfo, type Socket } from 'node:net'
import { PassThrough } from 'node:stream'
import { expect, onTestFinished, test } from 'vitest'
import { readShared } from './shared-reads.ts'

/** Two ends of a connection. */
async function connected(): Promise<{ accepted: Socket; caller: Socket }> {
  const server = net.createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const caller = net.connect((server.address() as AddressInfo).port, '127.0.0.1')
  const [accepted] = (await once(server, 'connection')) as [Socket]
  onTestFinished(() => {
    caller.destroy()
    accepted.destroy()
    server.close()
  })
  return { accepted, caller }
}

function reads(socket: Socket) {
  const heard: { bytes: Buffer; text: string }[] = []
  const stop = readShared(socket, (bytes, count) => {
    heard.push({ bytes, text: bytes.toString('latin1', 0, count) })
  })
  return { heard, stop }
}

test('all connections are read into the same memory', async () => {
  const [one, other] = [await connected(), await connected()]
  const [first, second] = [reads(one.accepted), reads(other.accepted)]
  one.caller.write('a longer word')
  await expect.poll(() => first.heard).toHaveLength(1)
  other.caller.write('short')
  await expect.poll(() => second.heard).toHaveLength(1)
  expect(first.heard[0]?.text).toBe('a longer word')
  expect(second.heard[0]?.text).toBe('short')
  expect(second.heard[0]?.bytes).toBe(first.heard[0]?.bytes)
})

test('who pauses hears nothing until he goes on, and the end is told', async () => {
  const { accepted, caller } = await connected()
  const { heard } = reads(accepted)
  accepted.pause()
  caller.end('word')
  await once(caller, 'finish')
  await new Promise((resolve) => setImmediate(resolve))
  expect(heard).toEqual([])
  accepted.resume()
  await once(accepted, 'end')
  expect(heard.map(({ text }) => text)).toEqual(['word'])
})

test('given back, a connection is a stream whose pieces stay as they are', async () => {
  const [one, other] = [await connected(), await connected()]
  const { heard, stop } = reads(one.accepted)
  reads(other.accepted)
  one.caller.write('before')
  await expect.poll(() => heard).toHaveLength(1)
  stop()
  const pieces: Buffer[] = []
  one.accepted.on('data', (piece: Buffer) => pieces.push(piece))
  one.caller.write('behind it')
  await expect.poll(() => pieces).toHaveLength(1)
  other.caller.write('another word')
  one.caller.end('the rest')
  await once(one.accepted, 'end')
  expect(String(Buffer.concat(pieces))).toBe('behind itthe rest')
  expect(heard).toHaveLength(1)
})

test('what has no such place inside is read as a stream', async () => {
  const stream = new PassThrough()
  const { heard, stop } = reads(stream as unknown as Socket)
  stream.write('one')
  await expect.poll(() => heard.map(({ text }) => text)).toEqual(['one'])
  stop()
  expect(stream.listenerCount('data')).toBe(0)
})
