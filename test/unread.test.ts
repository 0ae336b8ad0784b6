import { once } from 'node:events'
import net from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openHouse, type Client, type House } from './support/house.ts'
import { chat, payloads, raw } from './support/raw.ts'

const IDLE_READER_MS = 2_000
/** The system takes some megabytes for a caller who reads nothing, which nobody can know of. */
const MODELS = {
  whole: ['answer?chunks=1200000'],
  long: ['answer?chunks=80000'],
  kept: ['answer?chunks=700000'],
  streamed: ['answer?chunks=30000'],
}

let house: House
let client: Client
beforeAll(async () => {
  house = await openHouse(MODELS, `streams: { idle_reader_ms: ${IDLE_READER_MS} }`)
  client = await house.client('100000000')
})
afterAll(() => house.close())

type Asked = Readonly<{ model: string; stream?: boolean; name?: string; byNode?: boolean }>

/** Asks, and reads the first of the answer; the rest, as far as there is one, only when it is told to. */
async function mute({ model, stream = false, name, byNode = false }: Asked) {
  const socket = net.connect(Number(new URL(house.gateway.url).port), '127.0.0.1')
  const body = chat(model, { stream })
  const lines = [
    ...['POST /v1/chat/completions HTTP/1.1', 'host: x', `authorization: Bearer ${client.key}`],
    ...['content-type: application/json', `content-length: ${body.length}`],
    ...(name === undefined ? [] : [`idempotency-key: ${name}`]),
    ...(byNode ? ['origin: http://elsewhere.example'] : []),
  ]
  socket.on('error', () => undefined)
  socket.write(`${lines.join('\r\n')}\r\n\r\n${body}`)
  await once(socket, 'data')
  socket.pause()
  return {
    socket,
    read: () =>
      new Promise<number>((resolve) => {
        let bytes = 0
        socket.on('data', (piece: Buffer) => (bytes += piece.byteLength))
        socket.on('close', () => {
          resolve(bytes)
        })
        socket.resume()
      }),
  }
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
const named = (name: string, body: string) =>
  raw({ url: house.gateway.url, key: client.key, body, headers: { 'idempotency-key': name } })

test('who does not read an answer is cut, whichever way it is given', async () => {
  const whole = await named('whole', chat('kept', { stream: false }))
  const streamed = await named('stream', chat('streamed', { stream: true }))
  expect(payloads(streamed.body).at(-1)).toBe('[DONE]')
  const asked = [false, true].flatMap((byNode) => [
    { length: 1_200_000 * 11, caller: mute({ model: 'whole', byNode }) },
    { length: whole.body.length, caller: mute({ model: 'kept', name: 'whole', byNode }) },
    {
      length: streamed.body.length,
      caller: mute({ model: 'streamed', stream: true, name: 'stream', byNode }),
    },
  ])
  const callers = await Promise.all(
    asked.map(async ({ length, caller }) => ({ length, caller: await caller })),
  )
  await pause(IDLE_READER_MS + 3_000)
  const read = await Promise.all(
    callers.map(async ({ caller, length }) => {
      const bytes = await Promise.race([caller.read(), pause(5_000)])
      return bytes === undefined ? 'still open' : Number(bytes) < length ? 'cut' : 'whole'
    }),
  )
  for (const { caller } of callers) caller.socket.destroy()
  expect(read).toEqual(callers.map(() => 'cut'))
}, 60_000)

test('who joins a stream and does not read it is cut alone', async () => {
  const before = house.upstream.journal.length
  const balance = Number(await client.balance())
  const reading = named('joined', chat('long', { stream: true }))
  await house.upstream.until((journal) => journal.length > before)
  const joined = await mute({ model: 'long', stream: true, name: 'joined' })
  const { body } = await reading
  expect(payloads(body).at(-1)).toBe('[DONE]')
  await expect(joined.read()).resolves.toBeLessThan(body.length)
  expect(house.upstream.journal.length).toBe(before + 1)
  const { usage } = house.upstream.journal.at(-1) ?? { usage: { prompt: 0, completion: 0 } }
  expect(balance - Number(await client.balance())).toBe(usage.prompt * 2 + usage.completion * 8)
}, 60_000)
