import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import net, { type AddressInfo, type Socket } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { Failure } from '../../domain/failure.ts'
import { headerLine, NO_LINES } from '../../ports/header-lines.ts'
import { guardsOf } from '../guards.ts'
import { HttpReply } from '../http-reply.ts'
import { IncomingBody } from '../incoming-body.ts'
import type { Intake } from '../intake.ts'
import { Rounds } from '../../gateway/rounds.ts'
import { QuickConnection } from './quick-connection.ts'
import { QuickServer } from './quick-server.ts'

const clock = {
  ...{ nowMs: () => 0, ticksMs: () => 0 },
  after: () => () => undefined,
}
const intake = { rounds: new Rounds(clock), take: () => undefined } as unknown as Intake

const REPLY = {
  quotaStatus: 402,
  guards: guardsOf({ strictTransport: 'max-age=1', xssProtection: '0' }),
}

type Answer = (reply: HttpReply, body: IncomingBody) => unknown

/** Says what it was asked, and by which way that came. */
const echo: Answer = async (reply, body) => {
  reply.send(NO_LINES, `quick ${String(await body.read())}`)
}

type Setting = { isLeaving: boolean; answer: Answer }

async function serve(answer: Answer = echo) {
  const setting: Setting = { isLeaving: false, answer }
  const ended: string[] = []
  let last: QuickConnection | undefined
  const answerQuickly = async (connection: QuickConnection) => {
    last = connection
    const reply = new HttpReply(connection, headerLine('x-request-id', 'r1'), REPLY)
    reply.onGone(() => ended.push('gone'))
    const body = new IncomingBody(connection, intake, 100_000)
    try {
      await setting.answer(reply, body)
    } catch (error) {
      ended.push((error as Error).message)
      reply.fail(error instanceof Failure ? error : new Failure('internal_error', 'Oh.'))
    }
  }
  const byNode = (req: IncomingMessage, res: ServerResponse) => {
    let body = ''
    setImmediate(() => {
      req.on('data', (piece: Buffer) => (body += String(piece)))
      req.on('end', () => res.end(`node ${req.method ?? ''} ${req.url ?? ''} ${body}`))
    })
  }
  const server = new QuickServer({}, byNode, {
    answer: (connection) => void answerQuickly(connection),
    settings: () => ({ bodyBytesMax: 100_000, idleReaderMs: 30_000, isLeaving: setting.isLeaving }),
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const bytesRead = () => last?.socket.bytesRead
  return {
    server,
    setting,
    ended,
    bytesRead,
    connect: () => caller((server.address() as AddressInfo).port),
  }
}

/** A caller who speaks raw bytes and remembers what was said. */
async function caller(port: number) {
  const socket = net.connect({ port, host: '127.0.0.1', noDelay: true })
  let heard = ''
  let waiting: () => void = () => undefined
  socket.on('data', (bytes) => {
    heard += bytes.toString('latin1')
    waiting()
  })
  socket.on('close', () => {
    waiting()
  })
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  onTestFinished(() => {
    socket.destroy()
  })
  return {
    socket,
    say: (text: string) => new Promise<void>((resolve) => socket.write(text, () => resolve())),
    /** What was said, once it holds all these words in this order; they are not looked for again. */
    hears: async (...words: string[]): Promise<void> => {
      for (const word of words) {
        while (!heard.includes(word)) {
          if (socket.destroyed) throw new Error(`closed before '${word}': ${heard}`)
          await new Promise<void>((resolve) => (waiting = resolve))
        }
        heard = heard.slice(heard.indexOf(word) + word.length)
      }
    },
  }
}

const ended = async (socket: Socket): Promise<void> => {
  if (!socket.closed) await once(socket, 'close')
}

const post = (body: string, headers = '') =>
  `POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\n${headers}content-length: ${body.length}\r\n\r\n${body}`
const GET = 'GET /v1/models HTTP/1.1\r\nhost: a\r\n\r\n'
const ODD = 'POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n'

test('requests are answered one after the other on one connection, with a length each', async () => {
  const { connect } = await serve()
  const { say, hears } = await connect()
  for (const body of ['one', 'two', 'three']) {
    await say(post(body))
    await hears('HTTP/1.1 200 OK\r\n', 'x-request-id: r1\r\n', 'Connection: keep-alive\r\n')
    await hears(`\r\n\r\nquick ${body}`)
  }
})

test('requests that come in one piece are answered in their order, whoever reads them', async () => {
  const { connect } = await serve()
  const { say, hears } = await connect()
  await say(post('one') + post('two') + GET + post('three') + `${ODD}4\r\nfour\r\n0\r\n\r\n`)
  await hears('quick one', 'quick two', 'node GET /v1/models')
  await hears('node POST /v1/chat/completions three', 'node POST /v1/chat/completions four')
})

test('what was begun by Node stays with Node, and what comes first in pieces, too', async () => {
  const { server, connect } = await serve()
  const first = await connect()
  await first.say(GET)
  await first.hears('node GET')
  await first.say(post('one'))
  await first.hears('node POST /v1/chat/completions one')
  const accepted = once(server, 'connection') as Promise<[Socket]>
  const second = await connect()
  const [socket] = await accepted
  const [start = '', ...rest] = post('two')
  await second.say(start)
  await expect.poll(() => socket.bytesRead).toBe(1)
  for (const char of rest) await second.say(char)
  await second.hears('node POST /v1/chat/completions two')
})

test('a body may come after its head, in any pieces, with the next request behind it', async () => {
  const { connect } = await serve()
  const { say, hears } = await connect()
  const text = post('0123456789')
  await say(text.slice(0, -10))
  for (const char of '012345678') await say(char)
  await say(`9${post('next')}`)
  await hears('quick 0123456789', 'quick next')
})

test('what came by one connection is not overwritten by what comes by others', async () => {
  const { server, setting, connect } = await serve()
  const accepted: Socket[] = []
  server.on('connection', (socket: Socket) => accepted.push(socket))
  let goOn: () => void = () => undefined
  const told = new Promise<void>((resolve) => (goOn = resolve))
  setting.answer = async (reply, body) => {
    const text = String(await body.read())
    await told
    reply.send(NO_LINES, `quick ${text}`)
  }
  const callers = []
  for (const letter of ['a', 'b', 'c']) {
    const { say, hears } = await connect()
    await expect.poll(() => accepted.length).toBe(callers.length + 1)
    const socket = accepted.at(-1)
    const body = `${letter} 0123456789 abcdefghijklmnop`
    let sent = 0
    const saysAlone = async (text: string) => {
      await say(text)
      await expect.poll(() => socket?.bytesRead).toBe((sent += text.length))
    }
    callers.push({ body, saysAlone, say, hears })
  }
  for (const { body, saysAlone } of callers) await saysAlone(post(body).slice(0, -body.length))
  for (const { body, saysAlone } of callers) await saysAlone(body.slice(0, 10))
  for (const { body, saysAlone } of callers) await saysAlone(body.slice(10))
  // Behind an answer that is still to come, and the second in two pieces.
  for (const { body, saysAlone } of callers) await saysAlone(post(body) + post(body).slice(0, -1))
  for (const { body, saysAlone } of callers) await saysAlone(body.slice(-1))
  goOn()
  for (const { body, hears } of callers)
    await hears(...Array<string>(3).fill(`\r\n\r\nquick ${body}`))
  // By Node, and all in one turn of the loop.
  const other = (body: string) => post(body).replace('chat/completions', 'embeddings')
  await Promise.all(callers.map(({ body, say }) => say(other(body))))
  for (const { body, hears } of callers) await hears(`node POST /v1/embeddings ${body}`)
})

test('what waited behind an answer comes to Node in its order, however much it is', async () => {
  const { connect } = await serve(async (reply, body) => {
    const bytes = await body.read()
    await new Promise((resolve) => setTimeout(resolve, 3))
    reply.send(NO_LINES, `quick ${String(bytes)}`)
  })
  const odd = [202, 70_000, 2_002, 150_000].map((count) => post('x'.repeat(count), 'origin: a\r\n'))
  const asked = async () => {
    const { say, hears, socket } = await connect()
    for (const text of [post('one'), ...odd, post('two')]) await say(text)
    await hears('quick one', ...odd.map(() => 'completions xx'), 'completions two')
    socket.destroy()
  }
  for (let round = 0; round < 20; round++) await Promise.all([asked(), asked(), asked()])
}, 30_000)

test('a body that nobody asked for does not become the next request', async () => {
  const refused: Answer = (reply) => {
    reply.fail(new Failure('invalid_api_key', 'No.'))
  }
  const { connect, setting } = await serve(refused)
  const { say, hears } = await connect()
  const late = post(GET.repeat(20))
  await say(late.slice(0, -300))
  await hears('HTTP/1.1 401 Unauthorized')
  setting.answer = echo
  await say(late.slice(-300) + post('next'))
  await hears('quick next')
})

test('a body asked for late has all that came meanwhile', async () => {
  let ask: (() => void) | undefined
  const { connect } = await serve(async (reply, body) => {
    await new Promise<void>((resolve) => (ask = resolve))
    reply.send(NO_LINES, `quick ${String(String(await body.read()).length)}`)
  })
  const { say, hears } = await connect()
  const text = post('x'.repeat(90_000))
  await say(text.slice(0, 100))
  await say(text.slice(100, 80_000))
  await expect.poll(() => ask).toBeDefined()
  ask?.()
  await say(text.slice(80_000))
  await hears('quick 90000')
})

test('a body that was here before it was asked for holds nothing up', async () => {
  let ask: (() => void) | undefined
  const { connect, setting, bytesRead } = await serve(async (reply, body) => {
    await new Promise<void>((resolve) => (ask = resolve))
    reply.send(NO_LINES, `quick ${String(String(await body.read()).length)}`)
  })
  const { say, hears } = await connect()
  const text = post('x'.repeat(90_000))
  await say(text)
  await expect.poll(bytesRead).toBe(text.length)
  ask?.()
  await hears('quick 90000')
  setting.answer = echo
  await say(post('next'))
  await hears('quick next')
})

test('who reads no answers gets no more of them, until he does', async () => {
  let answered = 0
  const answer = 'x'.repeat(1_000_000)
  const { connect } = await serve((reply) => {
    answered++
    reply.send(NO_LINES, answer)
  })
  const { say, hears, socket } = await connect()
  socket.pause()
  for (let count = 0; count < 40; count++) {
    await say(post('{}'))
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  expect(answered).toBeLessThan(20) // what fits into the buffers of the two sockets
  socket.resume()
  await hears(...Array.from({ length: 40 }, () => 'HTTP/1.1 200 OK'))
  expect(answered).toBe(40)
})

test('an answer that is on its way is not cut by a stop', async () => {
  const { server, connect } = await serve((reply) => {
    reply.send(NO_LINES, 'x'.repeat(20_000_000))
  })
  const { say, socket } = await connect()
  socket.pause()
  let bytes = 0
  socket.on('data', (data) => (bytes += data.length))
  await say(post('{}'))
  await new Promise((resolve) => setTimeout(resolve, 50))
  server.closeIdleConnections()
  socket.resume()
  await ended(socket)
  expect(bytes).toBeGreaterThan(20_000_000)
})

test('who leaves in the middle of a body or of an answer is known to have left', async () => {
  const { connect, ended, setting } = await serve()
  const first = await connect()
  await first.say(post('0123456789').slice(0, -5))
  first.socket.destroy()
  await expect.poll(() => ended).toEqual(['gone', 'The body ended before its length.'])
  ended.length = 0
  setting.answer = (reply) => {
    reply.begin(NO_LINES)
    reply.write('data: one\n\n')
  }
  const second = await connect()
  await second.say(post('{}'))
  await second.hears('data: one')
  second.socket.destroy()
  await expect.poll(() => ended).toEqual(['gone'])
})

test('an answer in pieces is chunked, its head comes with the first, and the next request behind its end', async () => {
  const { connect, setting } = await serve((reply) => {
    reply.begin(headerLine('x-a', 'b'))
    reply.write('data: ä\n\n')
    reply.write(Buffer.from('data: two\n\n'))
    reply.end()
    reply.write('never')
    reply.end()
  })
  const { say, hears } = await connect()
  await say(post('{}'))
  await hears('transfer-encoding: chunked\r\n', 'x-a: b\r\n', '\r\n\r\na\r\ndata: \xc3\xa4\n\n\r\n')
  await hears('b\r\ndata: two\n\n\r\n0\r\n\r\n')
  setting.answer = echo
  await say(post('next'))
  await hears('HTTP/1.1 200 OK\r\n', 'quick next')
})

test('who reads slowly is waited for, and gets every byte', async () => {
  let wasFull = false
  const piece = Buffer.alloc(64 * 1024, 'x')
  const { connect } = await serve((reply) => {
    reply.begin(NO_LINES)
    let left = 200
    const go = () => {
      while (left > 0) {
        left--
        if (!reply.write(piece)) {
          wasFull = true
          return
        }
      }
      reply.end()
    }
    reply.onWritable(go)
    go()
  })
  const { say, socket } = await connect()
  socket.pause()
  await say(post('{}'))
  await expect.poll(() => wasFull).toBe(true)
  let bytes = 0
  socket.on('data', (data) => (bytes += data.length))
  socket.resume()
  await expect.poll(() => bytes).toBeGreaterThan(200 * piece.length)
})

test('a header that could end itself is refused, and its caller told of trouble', async () => {
  const { connect, ended } = await serve((reply) => {
    reply.send(headerLine('x-a', 'b\r\nset-cookie: c'), '')
  })
  const { say, hears } = await connect()
  await say(post('{}'))
  await hears('HTTP/1.1 500 Internal Server Error')
  expect(ended).toEqual(['the header x-a has an unfit value'])
})

test('before a stop connections without a request are closed, and others after their answer', async () => {
  let answer: (() => void) | undefined
  const { server, setting, connect } = await serve(async (reply, body) => {
    await new Promise<void>((resolve) => (answer = resolve))
    await echo(reply, body)
  })
  const silent = await connect()
  const busy = await connect()
  await busy.say(post('one'))
  await expect.poll(() => answer).toBeDefined()
  server.closeIdleConnections()
  await ended(silent.socket)
  answer?.()
  await busy.hears('quick one')
  setting.isLeaving = true
  setting.answer = echo
  await busy.say(post('two'))
  await busy.hears('Connection: close\r\n', 'quick two')
  await ended(busy.socket)
})

test('who says nothing for too long is let go', async () => {
  const connections: QuickConnection[] = []
  const server = net.createServer((socket) => {
    connections.push(
      new QuickConnection(socket, {
        answer: (connection) => {
          new HttpReply(connection, NO_LINES, REPLY).fail(new Failure('not_found', 'No.'))
        },
        settings: () => ({ bodyBytesMax: 100, idleReaderMs: 30_000, isLeaving: false }),
        ...{ handOver: () => undefined, onClosed: () => undefined },
      }),
    )
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const connect = () => caller((server.address() as AddressInfo).port)
  const look = (...ticks: number[]) => {
    for (const tick of ticks) for (const connection of connections) connection.look(tick)
  }

  const silent = await connect()
  await expect.poll(() => connections.length).toBe(1)
  look(0, 9_000)
  expect(connections[0]?.socket.destroyed).toBe(false)
  look(11_000)
  await silent.hears('408 Request Timeout')
  await ended(silent.socket)

  connections.length = 0
  const asked = await connect()
  await asked.say(post('one'))
  await asked.hears('404 Not Found')
  look(0, 100_000)
  expect(connections[0]?.socket.destroyed).toBe(false)
  look(102_000)
  await ended(asked.socket)

  connections.length = 0
  const half = await connect()
  await half.say(post('one').slice(0, -1))
  await half.hears('404 Not Found')
  look(0, 11_000)
  await ended(half.socket)
})
