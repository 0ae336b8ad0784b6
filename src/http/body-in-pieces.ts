import type { IncomingMessage } from 'node:http'
import { invalidRequest } from '../domain/failure.ts'
import { ServiceFault, type ServiceBody } from '../ports/service-client.ts'
import { IDLE_MS, late, tooLarge } from './incoming-body.ts'

/** A body that is passed on as it comes, and not kept; undefined where there is none. Its length is that on the wire. */
export function bodyInPieces(req: IncomingMessage, bytesMax: number): ServiceBody | undefined {
  const { 'content-length': said, 'transfer-encoding': coding } = req.headers
  const length = said === undefined ? undefined : Number(said)
  if (coding !== undefined && coding.toLowerCase() !== 'chunked')
    throw invalidRequest("Send the body with a content-length, or with 'chunked' alone.")
  if (coding === undefined && (length ?? 0) === 0) return undefined
  if (length !== undefined && length > bytesMax) throw tooLarge(bytesMax)
  return { length, pieces: piecesOf(req, bytesMax) }
}

async function* piecesOf(req: IncomingMessage, bytesMax: number): AsyncIterable<Uint8Array> {
  // Or what is answered before its end would be lost with the connection.
  const source: AsyncIterator<Uint8Array, undefined> = req.iterator({ destroyOnReturn: false })
  let bytes = 0
  try {
    for (;;) {
      const { done, value } = await inTime(source.next())
      if (done === true) return
      bytes += value.byteLength
      if (bytes > bytesMax) throw tooLarge(bytesMax)
      yield value
    }
  } finally {
    void drop(req, source)
  }
}

/** What nobody wants is read all the same, or the connection would stand still. */
async function drop(req: IncomingMessage, source: AsyncIterator<Uint8Array>): Promise<void> {
  await source.return?.() // or it would still be the one to read
  req.resume()
}

async function inTime<T>(coming: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(late())
    }, IDLE_MS)
  })
  const arrived = coming.catch((error: unknown) => {
    throw new ServiceFault('left', error)
  })
  try {
    return await Promise.race([arrived, tooLate])
  } finally {
    clearTimeout(timer)
  }
}
