import type { Socket } from 'node:net'
import { gzipSync } from 'node:zlib'
import type { Behaviour } from './behaviour.ts'
import type { JournalEntry } from './fault-provider.ts'

/** What a model that behaves would say, in the pieces in which it would say it. */
type Said = Readonly<{ type: string; pieces: readonly string[] }>

/**
 * Faults below HTTP: they are written to the socket as they are, so that a client's parser sees what no server library
 * would send. Those of the head come instead of an answer; those of the body come after `raw_after` good pieces of one.
 */
export function sendRaw(socket: Socket, behaviour: Behaviour, entry: JournalEntry): void {
  const { raw = '', rawAfter, everyMs } = behaviour
  const said = saying(entry)
  entry.ended = 'refused'
  socket.on('error', () => undefined) // the client hangs up on what it does not like, as it should
  const head = HEADS[raw]
  if (ANSWERS.has(raw)) Object.assign(entry.usage, REPORTED)
  if (head !== undefined) {
    head(socket, said, everyMs)
    return
  }
  const body = BODIES[raw]
  if (body === undefined) {
    socket.end(`HTTP/1.1 400 There is no raw=${raw}\r\ncontent-length: 0\r\n\r\n`)
    return
  }
  const good = said.pieces.slice(0, rawAfter)
  entry.usage.completion = good.length
  socket.write(`${headOf(said, 'transfer-encoding: chunked')}${good.map(chunked).join('')}`)
  body(socket, said, everyMs)
}

/** What is an answer all the same says that it used so much. */
const REPORTED = { prompt: 3, completion: 3 } as const
const ANSWERS: ReadonlySet<string> = new Set(['own_headers', 'tiny_chunks'])

type Fault = (socket: Socket, said: Said, everyMs: number) => void

const headOf = ({ type }: Said, ...more: readonly string[]): string =>
  ['HTTP/1.1 200 OK', `content-type: ${type}`, 'connection: close', ...more, '', ''].join('\r\n')
const chunked = (text: string): string => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`
const whole = ({ pieces }: Said): string => pieces.join('')
const lengthOf = (said: Said, times = 1): string =>
  `content-length: ${Math.floor(Buffer.byteLength(whole(said)) * times)}`

/** Writes the same again and again, at the pace of its reader, until it hangs up. */
function flood(socket: Socket, piece: string): void {
  const more = () => {
    while (!socket.destroyed && socket.write(piece));
  }
  socket.on('drain', more)
  more()
}

const HEADS: Readonly<Record<string, Fault>> = {
  no_http: (socket) => socket.end('hello there\r\n\r\n'),
  bad_status: (socket) => socket.end('HTTP/1.1 abc OK\r\ncontent-length: 0\r\n\r\n'),
  nul_header: (socket, said) =>
    socket.end(headOf(said, 'x-nul: a\u0000b', lengthOf(said)) + whole(said)),
  large_header: (socket, said) => socket.end(headOf(said, `x-large: ${'a'.repeat(1_048_576)}`)),
  endless_headers: (socket) => {
    socket.write('HTTP/1.1 200 OK\r\n')
    flood(socket, 'x-more: and more\r\n'.repeat(100))
  },
  endless_interim: (socket) => {
    flood(socket, 'HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n'.repeat(100))
  },
  two_lengths: (socket, said) =>
    socket.end(headOf(said, 'content-length: 5', lengthOf(said)) + whole(said)),
  length_and_chunks: (socket, said) =>
    socket.end(`${headOf(said, lengthOf(said), 'transfer-encoding: chunked')}0\r\n\r\n`),
  short_length: (socket, said) => socket.end(headOf(said, 'content-length: 60') + whole(said)),
  long_length: (socket, said) =>
    socket.end(headOf(said, lengthOf(said, 2)) + whole(said).slice(0, 40)),
  closed_at_once: (socket) => socket.destroy(),
  closed_in_status: (socket) => socket.end('HTTP/1.1 20'),
  closed_in_head: (socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-ty'),
  closed_after_head: (socket, said) => socket.end(headOf(said, 'content-length: 100')),
  bad_gzip: (socket, said) =>
    socket.end(`${headOf(said, 'content-encoding: gzip')}this is not gzip`),
  gzip_bomb: (socket, said) => {
    socket.write(headOf(said, 'content-encoding: gzip'))
    socket.end(gzipSync(Buffer.alloc(10_000_000)))
  },
  /** These two are answers all the same. */
  own_headers: (socket, said) =>
    socket.end(headOf(said, lengthOf(said), ...OWN_HEADERS) + whole(said)),
  tiny_chunks: (socket, said) => {
    const bytes = Array.from(whole(said), chunked).join('')
    socket.end(`${headOf(said, 'transfer-encoding: chunked')}${bytes}0\r\n\r\n`)
  },
}

/** What an upstream says about itself is nothing for the gateway's callers. */
const OWN_HEADERS = [
  ...['set-cookie: session=theirs', 'server: theirs', 'via: theirs', 'alt-svc: h3=":443"'],
  ...['strict-transport-security: max-age=1', 'x-request-id: theirs', 'x-theirs: 1'],
  ...['access-control-allow-origin: theirs', 'retry-after: 99999999999'],
]

const DRIP_MS = 200

const BODIES: Readonly<Record<string, Fault>> = {
  bad_chunk: (socket) => socket.write('zz\r\nhello\r\n'),
  huge_chunk: (socket) => socket.write('fffffffffffffffff\r\nhello\r\n'),
  endless_extension: (socket) => {
    socket.write('5;')
    flood(socket, 'a'.repeat(10_000))
  },
  reset: (socket) => socket.resetAndDestroy(),
  closed: (socket) => socket.end(),
  mute: () => undefined,
  cut_character: (socket) => {
    socket.write(Buffer.from('10\r\ndata: {"a":"caf\xc3\r\n', 'latin1'), () => socket.destroy())
  },
  bad_bytes: (socket) => {
    socket.write(Buffer.from('14\r\ndata: \u0000\xff\xfe\xc0\x80 binary\n\n\r\n', 'latin1'))
  },
  large_event: (socket) => {
    flood(socket, chunked(`data: ${'x'.repeat(65_536)}`))
  },
  large_lines: (socket) => {
    flood(socket, chunked(`data: ${'x'.repeat(65_536)}\n`))
  },
  /** A byte every now and then, of an event that never ends. */
  dripping: (socket, _, everyMs) => {
    socket.write(chunked('data: '))
    const timer = setInterval(() => socket.write(chunked('x')), everyMs || DRIP_MS)
    socket.on('close', () => {
      clearInterval(timer)
    })
  },
  endless_words: (socket, { pieces }) => {
    flood(socket, chunked((pieces[1] ?? '').repeat(100)))
  },
  endless_comments: (socket) => {
    flood(socket, chunked(`: ${'x'.repeat(65_536)}\n\n`))
  },
}

function saying({ id, model, body }: JournalEntry): Said {
  const common = { id, created: 1_700_000_000, model }
  if (body['stream'] !== true) {
    const message = { role: 'assistant', content: 'word0 word1 word2' }
    const choices = [{ index: 0, message, finish_reason: 'stop' }]
    const usage = { prompt_tokens: 3, completion_tokens: 3, total_tokens: 6 }
    const text = JSON.stringify({ ...common, object: 'chat.completion', choices, usage })
    return { type: 'application/json', pieces: [text.slice(0, 60), text.slice(60)] }
  }
  const chunk = (delta: object, finish_reason: string | null = null): string =>
    `data: ${JSON.stringify({
      ...{ ...common, object: 'chat.completion.chunk' },
      choices: [{ index: 0, delta, finish_reason }],
    })}\n\n`
  const words = ['word0', ' word1', ' word2'].map((content) => chunk({ content }))
  const usage = { prompt_tokens: 3, completion_tokens: 3, total_tokens: 6 }
  const last = `data: ${JSON.stringify({ ...common, choices: [], usage })}\n\n`
  return {
    type: 'text/event-stream',
    pieces: [...words, chunk({}, 'stop'), last, 'data: [DONE]\n\n'],
  }
}
