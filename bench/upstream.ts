// The model server of the benchmark: answers as OpenAI does, in the shape that the prompt asks for.
import { createServer, type ServerResponse } from 'node:http'
import { readShape } from './load/shape.ts'
import type { StreamShape } from './load/plan.ts'
import { doneFrame, openingFrames, streamFrames, wholeAnswer } from './servers/frames.ts'
import { serveLoopback } from './servers/serve-loopback.ts'

const ready = new Map<string, readonly Buffer[]>()

const server = createServer({ keepAliveTimeout: 120_000 }, (req, res) => {
  let body = ''
  req.setEncoding('utf8')
  req.on('data', (text: string) => (body += text))
  req.on('end', () => answer(body, res))
})
serveLoopback(server)

function answer(body: string, res: ServerResponse): void {
  const shape = readShape(body)
  if (shape.kind === 'whole') {
    res.writeHead(200, {
      'content-type': 'application/json',
      'content-length': wholeAnswer.length,
      'x-request-id': 'req_7f0c6a1d',
    })
    res.end(wholeAnswer)
    return
  }
  res.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache',
    'x-request-id': 'req_7f0c6a1d',
  })
  if (shape.kind === 'quiet') {
    for (const frame of framesOf('opening', shape.chunks)) res.write(frame)
    return
  }
  send(res, framesOf('stream', shape.chunks), shape)
}

function framesOf(kind: 'stream' | 'opening', chunks: number): readonly Buffer[] {
  const name = `${kind} ${chunks}`
  const frames =
    ready.get(name) ?? (kind === 'stream' ? streamFrames(chunks) : openingFrames(chunks))
  ready.set(name, frames)
  return frames
}

/** The frames of a group go to the socket together, as those of a busy model do: one read downstream holds some. */
function send(
  res: ServerResponse,
  frames: readonly Buffer[],
  { group, everyMs }: StreamShape,
): void {
  let next = 0

  function sendGroup(): void {
    if (res.destroyed) return
    for (const frame of frames.slice(next, next + group)) res.write(frame)
    next += group
    if (next >= frames.length) res.end(doneFrame)
    else if (res.writableNeedDrain) res.once('drain', schedule)
    else schedule()
  }

  function schedule(): void {
    if (everyMs === 0) setImmediate(sendGroup)
    else setTimeout(sendGroup, everyMs)
  }

  schedule()
}
