import { once } from 'node:events'
import type http from 'node:http'
import net, { type AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { expect, onTestFinished, test } from 'vitest'
import { NO_LINES } from '../ports/header-lines.ts'
import { guardsOf } from './guards.ts'
import { HttpReply } from './http-reply.ts'
import { NodeWire } from './node-wire.ts'
import { QuickServer } from './quick/quick-server.ts'
import type { Wire } from './wire.ts'

const REPLY = {
  quotaStatus: 402,
  guards: guardsOf({ strictTransport: 'max-age=1', xssProtection: '0' }),
}
const SETTINGS = { bodyBytesMax: 1_000, idleReaderMs: 30_000, isLeaving: false }
const request = (path: string, version: string) =>
  `POST ${path} HTTP/${version}\r\nhost: a\r\ncontent-length: 2\r\n\r\n{}`

/** How an answer goes to its caller, and what a caller sends who gets it that way. */
const WAYS = [
  ['the quick way', request('/v1/chat/completions', '1.1')],
  ['Node', request('/v1/other', '1.1')],
  ['Node, without chunks', request('/v1/other', '1.0')],
] as const

/** Asks once; tells of the reply and of the two ends of the connection. */
async function asked(bytes: string) {
  const replies: HttpReply[] = []
  const begin = (wire: Wire) => {
    const reply = new HttpReply(wire, NO_LINES, REPLY)
    reply.begin(NO_LINES)
    replies.push(reply)
  }
  const byNode = (_: http.IncomingMessage, res: http.ServerResponse) => {
    begin(new NodeWire(res))
  }
  const server = new QuickServer({}, byNode, { answer: begin, settings: () => SETTINGS })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const caller = net.connect((server.address() as AddressInfo).port, '127.0.0.1')
  const [accepted] = (await once(server, 'connection')) as [net.Socket]
  onTestFinished(() => {
    caller.destroy()
    server.closeAllConnections()
    server.close()
  })
  caller.write(bytes)
  await expect.poll(() => replies).toHaveLength(1)
  return { reply: replies[0] as HttpReply, caller, accepted }
}

test.each(WAYS)(
  'what is written is the caller’s, whatever becomes of the memory: %s',
  async (_, bytes) => {
    const { reply, caller } = await asked(bytes)
    const memory = Buffer.alloc(8)
    for (const word of ['the one ', 'and two ', 'or three']) {
      memory.write(word)
      reply.write(memory)
      memory.fill('x')
    }
    reply.end()
    const heard = text(caller)
    caller.end()
    expect((await heard).replaceAll('\r\n8\r\n', '')).toContain('the one and two or three')
  },
)

const LEAVING = WAYS.flatMap(([way, bytes]) => [
  [way, 'behind a first piece', bytes] as const,
  [way, 'before it', bytes] as const,
])

test.each(LEAVING)('who has left is not waited for: %s, %s', async (_, when, bytes) => {
  const { reply, caller, accepted } = await asked(bytes)
  if (when === 'behind a first piece') reply.write('first')
  caller.resetAndDestroy()
  await new Promise((resolve) => accepted.once('close', resolve))
  expect(reply.write('second')).toBe(true)
  expect(reply.write(Buffer.alloc(4_000_000))).toBe(true)
  expect(reply.write('third')).toBe(true)
})
