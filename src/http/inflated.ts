import type { IncomingMessage } from 'node:http'
import type { Readable, Transform } from 'node:stream'
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib'
import { Failure } from '../domain/failure.ts'

const INFLATERS = new Map<string, () => Transform>([
  ['gzip', createGunzip],
  ['deflate', createInflate],
  ['br', createBrotliDecompress],
])

/** Has a compressed body collected at its real size. */
export async function inflated(
  req: IncomingMessage,
  encoding: string,
  collect: (stream: Readable) => Promise<Buffer>,
): Promise<Buffer> {
  const inflater = INFLATERS.get(encoding)?.()
  if (inflater === undefined) {
    throw new Failure('unsupported_media_type', 'Send the body plain, or with gzip, deflate or br.')
  }
  req.on('close', () => {
    if (!req.readableEnded) inflater.destroy(new Error('the caller left'))
  })
  req.pipe(inflater)
  try {
    return await collect(inflater)
  } finally {
    // What is over the limit is not inflated to its end: only the bytes that are on their way are read.
    req.unpipe(inflater)
    inflater.destroy()
    req.resume()
  }
}
