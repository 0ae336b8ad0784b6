import type { IncomingMessage } from 'node:http'
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib'
import type { Readable, Transform } from 'node:stream'
import { Failure, invalidRequest } from '../domain/failure.ts'

/**
 * The body of a request on the hot path, capped after inflation. koa-body does this elsewhere; here it would cost a
 * tenth of the whole request.
 */
export function readBody(req: IncomingMessage, bytesMax: number): Promise<Buffer> {
  const encoding = req.headers['content-encoding']
  if (Number(req.headers['content-length'] ?? 0) > bytesMax)
    return Promise.reject(tooLarge(bytesMax))
  if (encoding === undefined || encoding === 'identity') return collect(req, bytesMax)
  return inflate(req, encoding, bytesMax)
}

const INFLATERS = new Map<string, () => Transform>([
  ['gzip', createGunzip],
  ['deflate', createInflate],
  ['br', createBrotliDecompress],
])

async function inflate(req: IncomingMessage, encoding: string, bytesMax: number): Promise<Buffer> {
  const inflater = INFLATERS.get(encoding)?.()
  if (inflater === undefined) {
    throw new Failure('unsupported_media_type', 'Send the body plain, or with gzip, deflate or br.')
  }
  req.on('close', () => {
    if (!req.readableEnded) inflater.destroy(new Error('the caller left'))
  })
  req.pipe(inflater)
  try {
    return await collect(inflater, bytesMax)
  } finally {
    // What is over the limit is not inflated to its end: only the bytes that are on their way are read.
    req.unpipe(inflater)
    inflater.destroy()
    req.resume()
  }
}

function collect(stream: Readable, bytesMax: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = []
    let bytes = 0
    stream.on('data', (piece: Buffer) => {
      bytes += piece.byteLength
      if (bytes <= bytesMax) pieces.push(piece)
      else reject(tooLarge(bytesMax)) // the rest is read and dropped, so that the answer can be sent
    })
    stream.on('end', () => {
      const [only] = pieces
      resolve(pieces.length === 1 && only !== undefined ? only : Buffer.concat(pieces))
    })
    stream.on('error', () => {
      reject(invalidRequest('The body could not be read. Check its length and content-encoding.'))
    })
    stream.on('close', () => {
      if (!stream.readableEnded) reject(invalidRequest('The body ended before its length.'))
    })
  })
}

const tooLarge = (bytesMax: number): Failure =>
  new Failure(
    'body_too_large',
    `The body is larger than ${bytesMax} bytes. Send less, or link large media.`,
  )
