import { once } from 'node:events'
import net, { type AddressInfo, type Socket } from 'node:net'
import { expect, onTestFinished, test, vi } from 'vitest'
import { HttpConnection, type ResponseReader } from './http-connection.ts'
import { HttpPool } from './http-pool.ts'

type Answering = (socket: Socket, request: string, nth: number) => void

/** A server that answers each request in words of its own, and the sockets that it was given. */
async function upstream(answer: Answering) {
  const sockets: Socket[] = []
  let requests = 0
  const server = net.createServer((socket) => {
    sockets.push(socket)
    socket.on('error', () => undefined)
    socket.on('data', (bytes) => {
      answer(socket, bytes.toString(), ++requests)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const pool = new HttpPool(new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`))
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy()
    server.close()
    await pool.close()
  })
  return { pool, sockets }
}

/** Asks, and keeps what comes. */
class Asked implements ResponseReader {
  text = ''
  sent = 0
  readonly over: Promise<'ended' | Error>
  #end: (how: 'ended' | Error) => void = () => undefined
  readonly connection: ReturnType<HttpPool['ask']>
  readonly #onPiece: (asked: Asked) => void

  constructor(pool: HttpPool, request = 'GET', onPiece: (asked: Asked) => void = () => undefined) {
    this.over = new Promise((resolve) => (this.#end = resolve))
    this.#onPiece = onPiece
    this.connection = pool.ask(request, this)
  }

  onSent(): void {
    this.sent++
  }

  onHead(): void {
    this.text = ''
  }

  onBody(bytes: Buffer, isEnd: boolean): void {
    this.text += bytes.toString()
    this.#onPiece(this)
    if (isEnd) this.#end('ended')
  }

  onFailed(error: Error): void {
    this.#end(error)
  }
}

const OK = 'HTTP/1.1 200 OK\r\n'
const whole = (text: string, ...headers: readonly string[]) =>
  `${OK}${[...headers, `content-length: ${text.length}`, '', text].join('\r\n')}`
const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`
const CHUNKS = `${OK}transfer-encoding: chunked\r\n\r\n`
const LAST = '0\r\n\r\n'

async function closed(socket: Socket | undefined): Promise<void> {
  if (socket?.destroyed === false) await once(socket, 'close')
}

async function answerOf(pool: HttpPool): Promise<string> {
  const asked = new Asked(pool)
  expect(await asked.over).toBe('ended')
  return asked.text
}

test('one request after the other goes over one connection', async () => {
  const { pool, sockets } = await upstream((socket, _request, nth) => {
    socket.write(nth % 2 === 0 ? whole(`${nth}`) : `${CHUNKS}${chunk(`${nth}`)}${LAST}`)
  })
  for (let nth = 1; nth <= 6; nth++) expect(await answerOf(pool)).toBe(`${nth}`)
  expect(sockets).toHaveLength(1)
})

test('requests at the same time have a connection each, and nothing of one comes to another', async () => {
  const { pool, sockets } = await upstream((socket, name) => {
    socket.write(CHUNKS)
    let left = 50
    const more = () => {
      if (left-- > 0)
        socket.write(chunk(`${name};`.repeat(1 + (left % 7))), () => setImmediate(more))
      else socket.write(LAST)
    }
    more()
  })
  const names = Array.from({ length: 20 }, (_, index) => `caller-${index}`)
  const asked = names.map((name) => new Asked(pool, name))
  await Promise.all(asked.map(({ over }) => over))
  const words = asked.map(({ text }) => [...new Set(text.split(';').slice(0, -1))])
  expect(words).toEqual(names.map((name) => [name]))
  expect(sockets).toHaveLength(20)
  await answerOf(pool)
  expect(sockets).toHaveLength(20)
})

test.each([
  ['says that it closes', whole('a', 'connection: close')],
  ['keeps it for a second only', whole('a', 'keep-alive: timeout=1')],
  ['sends more than the answer', `${whole('a')}HTTP/1.1 200 OK\r\n`],
  ['speaks HTTP/1.0', whole('a').replace('1.1', '1.0')],
])('a connection is not used again when its server %s', async (_what, answer) => {
  const { pool, sockets } = await upstream((socket) => void socket.write(answer))
  expect([await answerOf(pool), await answerOf(pool)]).toEqual(['a', 'a'])
  expect(sockets).toHaveLength(2)
})

test('a head that comes in pieces is not made whole by what an answer before it left in memory', async () => {
  const { pool } = await upstream((socket, _request, nth) => {
    if (nth === 1) socket.write(whole('one'))
    else {
      const text = whole('another one')
      socket.write(text.slice(0, 25))
      setTimeout(() => socket.write(text.slice(25)), 20)
    }
  })
  expect(await answerOf(pool)).toBe('one')
  expect(await answerOf(pool)).toBe('another one')
})

test.each([
  ['nothing', '', 'CLOSED'],
  ['a piece of a head', 'HTTP/1.1 200 OK\r\ncontent-ty', 'NO_HTTP'],
  ['an interim head', 'HTTP/1.1 103 Early Hints\r\n\r\n', 'NO_HTTP'],
])('who hears %s before the end is told whether anything came', async (_, text, code) => {
  for (const end of ['end', 'resetAndDestroy'] as const) {
    const { pool } = await upstream((socket) => {
      if (text === '') socket[end]()
      else socket.write(text, () => setTimeout(() => socket[end](), 20))
    })
    const failed = await new Asked(pool).over
    const isReset = text === '' && end === 'resetAndDestroy'
    expect(failed).toMatchObject({ code: isReset ? 'ECONNRESET' : code })
  }
})

test('what comes without having been asked for is nobody’s answer', async () => {
  const { pool, sockets } = await upstream(
    (socket, _request, nth) => void socket.write(whole(`${nth}`)),
  )
  expect(await answerOf(pool)).toBe('1')
  const [first] = sockets
  first?.write(whole('planted'))
  await closed(first)
  expect(await answerOf(pool)).toBe('2')
})

test('a connection that its server has closed meanwhile costs nobody an answer', async () => {
  const { pool, sockets } = await upstream(
    (socket, _request, nth) => void socket.write(whole(`${nth}`)),
  )
  expect(await answerOf(pool)).toBe('1')
  sockets[0]?.end()
  await closed(sockets[0])
  expect(await answerOf(pool)).toBe('2')
})

test('connections that nobody has used for four seconds are closed, the others are not', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  onTestFinished(() => void vi.useRealTimers())
  const { pool, sockets } = await upstream((socket) => void socket.write(whole('a')))
  await Promise.all([answerOf(pool), answerOf(pool)])
  for (let second = 0; second < 3; second++) {
    vi.advanceTimersByTime(1_000)
    await answerOf(pool)
  }
  const firstClosed = Promise.race(sockets.map(closed))
  vi.advanceTimersByTime(1_000)
  await firstClosed
  expect(sockets.filter(({ destroyed }) => destroyed)).toHaveLength(1)
})

test('a body without a length ends with its connection', async () => {
  const { pool } = await upstream((socket) => void socket.end(`${OK}\r\nall of it`))
  expect(await answerOf(pool)).toBe('all of it')
})

test.each([
  ['before it says anything', ''],
  ['before its length has come', `${OK}content-length: 5\r\n\r\nhell`],
  ['before its last chunk', `${CHUNKS}${chunk('hello')}`],
])('a server that hangs up %s has failed', async (_when, said) => {
  const { pool } = await upstream((socket) => void socket.end(said))
  expect(await new Asked(pool).over).toMatchObject({ code: 'CLOSED' })
})

test('a reader who has enough leaves the rest to be read, and the connection to the next', async () => {
  const { pool, sockets } = await upstream((socket, _request, nth) => {
    socket.write(nth > 1 ? whole('next') : `${CHUNKS}${chunk('[DONE]')}`)
  })
  await new Promise<void>((resolve) => {
    new Asked(pool, 'GET', (asked) => {
      asked.connection.leave(asked)
      resolve()
    })
  })
  await new Promise((resolve) => sockets[0]?.write(`${chunk('late')}${LAST}`, resolve))
  await expect
    .poll(async () => [await answerOf(pool), sockets[0]?.destroyed])
    .toEqual(['next', false])
})

test('a connection that is left before the end, again and again, stays what it was', async () => {
  const server = net.createServer((socket) => {
    socket.on('data', () => socket.write(`${CHUNKS}${chunk('[DONE]')}`))
    leave = () => void socket.write(LAST)
  })
  let leave: () => void = () => undefined
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  let client = new net.Socket()
  let freed: (isGood: boolean) => void = () => undefined
  const connection = new HttpConnection({
    open: (onread) => (client = net.connect({ port, host: '127.0.0.1', onread })),
    opened: 'connect',
    onFree: (_connection, isGood) => {
      freed(isGood)
    },
  })
  const before = client.listenerCount('timeout')
  for (let count = 0; count < 3; count++) {
    const isFree = new Promise((resolve) => (freed = resolve))
    const reader = {
      onSent: () => undefined,
      onHead: () => undefined,
      onFailed: () => undefined,
      onBody() {
        connection.leave(reader)
        leave()
      },
    }
    connection.ask('GET', reader)
    expect(await isFree).toBe(true)
  }
  expect(client.listenerCount('timeout')).toBe(before)
  connection.close()
  await once(server.close(), 'close')
})

test.each([
  ['says nothing more', () => undefined],
  [
    'goes on for ever',
    (socket: Socket) => {
      const more = () => socket.write(chunk('x'.repeat(1_000)), () => setImmediate(more))
      more()
    },
  ],
])('a server that %s behind the end loses its connection', async (_what, goOn) => {
  const { pool, sockets } = await upstream((socket) => {
    socket.write(`${CHUNKS}${chunk('[DONE]')}`, () => goOn(socket))
  })
  new Asked(pool, 'GET', (asked) => {
    asked.connection.leave(asked)
  })
  await expect.poll(() => sockets[0]).toBeDefined()
  await closed(sockets[0])
})

test('what a reader cannot bear is its own failure', async () => {
  const { pool } = await upstream((socket) => void socket.write(whole('a')))
  const failing = new Asked(pool, 'GET', () => {
    throw new Error('unreadable')
  })
  expect(await failing.over).toMatchObject({ message: 'unreadable' })
  expect(await answerOf(pool)).toBe('a')
})

test('closing waits for the request that runs, and no longer', async () => {
  let finish: () => void = () => undefined
  const { pool } = await upstream((socket) => {
    socket.write(`${OK}content-length: 2\r\n\r\na`)
    finish = () => void socket.write('b')
  })
  let asked: Asked | undefined
  await new Promise((resolve) => (asked = new Asked(pool, 'GET', resolve)))
  let isClosed = false
  const closed = pool.close().then(() => (isClosed = true))
  await new Promise(setImmediate)
  expect(isClosed).toBe(false)
  finish()
  await closed
  expect([await asked?.over, asked?.text]).toEqual(['ended', 'ab'])
})

test('a request that was given up is told nothing more, and its connection is closed', async () => {
  const { pool, sockets } = await upstream((socket) => void socket.write(`${CHUNKS}${chunk('a')}`))
  const pieces: string[] = []
  const asked = new Asked(pool, 'GET', ({ text, connection }) => {
    pieces.push(text)
    connection.drop(asked)
  })
  await expect.poll(() => pieces).toEqual(['a'])
  await closed(sockets[0])
  expect(await Promise.race([asked.over, Promise.resolve('silence')])).toBe('silence')
})
