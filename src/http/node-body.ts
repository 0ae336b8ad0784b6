import type { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import { invalidRequest } from '../domain/failure.ts'
import { brokenOff, type BodySource, type IncomingBody } from './incoming-body.ts'
import { inflated } from './inflated.ts'

/** A body as Node reads it from the wire, chunked and compressed ones too. */
export function nodeBody(req: IncomingMessage): BodySource {
  const { 'content-length': length, 'content-encoding': encoding } = req.headers
  return {
    announced: Number(length ?? 0),
    open(body) {
      if (encoding === undefined || encoding === 'identity') return gathered(req, body)
      return inflated(req, encoding, (stream) => gathered(stream, body))
    },
  }
}

const gathered = (stream: Readable, body: IncomingBody): Promise<Buffer> =>
  body.gather(() => {
    stream.on('data', (piece: Buffer) => {
      body.add(piece)
    })
    stream.on('end', () => {
      body.end()
    })
    stream.on('error', () => {
      body.refuse(
        invalidRequest('The body could not be read. Check its length and content-encoding.'),
      )
    })
    stream.on('close', () => {
      if (!stream.readableEnded) body.refuse(brokenOff())
    })
  })
