import { createHash } from 'node:crypto'
import http, { type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A server on the loopback that answers as the test of the moment says. */
export type AnyServer = Readonly<{
  url: string
  /** How many requests have begun here. */
  seen: () => number
  answer: (listener: RequestListener) => void
  close: () => Promise<void>
}>

export async function startAnyServer(name: string): Promise<AnyServer> {
  let listener = echo(name)
  let seen = 0
  const server = http.createServer((req, res) => {
    seen++
    listener(req, res)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen: () => seen,
    answer: (next) => (listener = next),
    async close() {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
    },
  }
}

export type Echo = Readonly<{
  name: string
  method: string
  url: string
  headers: Readonly<Record<string, string[]>>
  body: string
  sha256: string
}>

/** Tells what it was asked. */
export const echo =
  (name: string) =>
  (req: IncomingMessage, res: ServerResponse): void => {
    const pieces: Buffer[] = []
    req.on('data', (piece: Buffer) => pieces.push(piece))
    req.on('end', () => {
      const { method, url, headersDistinct: headers } = req
      const bytes = Buffer.concat(pieces)
      const body = bytes.toString()
      const sha256 = sha256Of(bytes)
      res.setHeader('content-type', 'application/json')
      res.end(JSON.stringify({ name, method, url, headers, body, sha256 }))
    })
  }

export const sha256Of = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

/** Where nobody is. */
export async function deadAddress(): Promise<string> {
  const server = await startAnyServer('gone')
  await server.close()
  return server.url
}
