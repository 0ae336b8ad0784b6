// Callers from outside: they trust the test authority and nothing else, and find every name at this machine.
import http from 'node:http'
import http2 from 'node:http2'
import https from 'node:https'
import tls from 'node:tls'
import type { LookupFunction } from 'node:net'
import OpenAI from 'openai'
import { Agent } from 'undici'

export type Answer = Readonly<{
  status: number
  headers: http.IncomingHttpHeaders
  text: string
  /** From the request to the first byte of the body. */
  firstByteMs: number
  totalMs: number
  /** The longest silence between two pieces. */
  gapMs: number
}>

export type Asking = Readonly<{
  host: string
  path?: string
  method?: string
  headers?: Readonly<Record<string, string>>
  body?: string | AsyncIterable<string>
  ca: string
}>

export const here: LookupFunction = (_host, options, done) => {
  if (options.all === true) done(null, [{ address: '127.0.0.1', family: 4 }])
  else done(null, '127.0.0.1', 4)
}

/** Over HTTP/1.1. */
export function ask(asking: Asking): Promise<Answer> {
  const { host, path = '/', method = 'GET', headers = {}, body, ca } = asking
  return new Promise((resolve, reject) => {
    const agent = new https.Agent({ keepAlive: false })
    const request = https.request({
      host,
      servername: host,
      path,
      method,
      headers,
      ca,
      lookup: here,
      agent,
    })
    const clock = watch()
    request.on('error', reject)
    request.on('response', (answer) => {
      answer.on('data', clock.piece)
      answer.on('error', reject)
      answer.on('end', () => {
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, ...clock.end() })
      })
    })
    void send(request, body)
  })
}

async function send(request: NodeJS.WritableStream, body: Asking['body']): Promise<void> {
  if (body !== undefined && typeof body !== 'string')
    for await (const piece of body) request.write(piece)
  if (typeof body === 'string') request.write(body)
  request.end()
}

/** Over HTTP/2. */
export function ask2(asking: Asking): Promise<Answer> {
  const { host, path = '/', method = 'GET', headers = {}, body, ca } = asking
  return new Promise((resolve, reject) => {
    const session = http2.connect(`https://${host}`, { ca, lookup: here })
    session.on('error', reject)
    session.once('connect', () => {
      const stream = session.request({ ':path': path, ':method': method, ...headers })
      const clock = watch()
      let status = 0
      let received: http.IncomingHttpHeaders = {}
      stream.on('response', (values) => {
        status = values[':status'] ?? 0
        received = values
      })
      stream.on('data', clock.piece)
      stream.on('error', reject)
      stream.on('end', () => {
        session.close()
        resolve({ status, headers: received, ...clock.end() })
      })
      void send(stream, body)
    })
  })
}

/** Plain HTTP, at port 80. */
export function askPlain({
  host,
  path = '/',
  method = 'GET',
}: Pick<Asking, 'host' | 'path' | 'method'>): Promise<{
  status: number
  location: string | undefined
}> {
  return new Promise((resolve, reject) => {
    const request = http.request(
      { host: '127.0.0.1', path, method, headers: { host } },
      (answer) => {
        answer.resume()
        resolve({ status: answer.statusCode ?? 0, location: answer.headers.location })
      },
    )
    request.on('error', reject)
    request.end()
  })
}

function watch() {
  const start = performance.now()
  let [first, last, gap, text] = [0, start, 0, '']
  return {
    piece: (data: Buffer | string) => {
      const now = performance.now()
      if (first === 0) first = now
      else gap = Math.max(gap, now - last)
      last = now
      text += data.toString()
    },
    end: () => ({
      text,
      firstByteMs: (first || last) - start,
      totalMs: performance.now() - start,
      gapMs: gap,
    }),
  }
}

export type Certificate = Readonly<{ names: string; serial: string; isTrusted: boolean }>

/** What is shown to those who ask for a name. */
export function certificateOf(host: string, ca: string): Promise<Certificate> {
  return new Promise((resolve, reject) => {
    const socket = tls.connect(
      { host: '127.0.0.1', port: 443, servername: host, ca, rejectUnauthorized: false },
      () => {
        const { subjectaltname = '', serialNumber } = socket.getPeerCertificate()
        resolve({ names: subjectaltname, serial: serialNumber, isTrusted: socket.authorized })
        socket.end()
      },
    )
    socket.setTimeout(5_000, () => {
      socket.destroy(new Error('no TLS'))
    })
    socket.on('error', reject)
  })
}

/** The SDK, unmodified but for where the names are. */
export function sdk({ host, key, ca }: { host: string; key: string; ca: string }): OpenAI {
  const dispatcher = new Agent({ connect: { ca, lookup: here } })
  return new OpenAI({
    baseURL: `https://${host}/v1`,
    apiKey: key,
    fetchOptions: { dispatcher } as never,
  })
}

/** What all callers ask, in words that nobody else would use. */
export const PROMPT = 'A kind word for the edge, please.'

export const chat = (model: string, isStream = false): string =>
  JSON.stringify({ model, stream: isStream, messages: [{ role: 'user', content: PROMPT }] })

export const withKey = (key: string) => ({
  authorization: `Bearer ${key}`,
  'content-type': 'application/json',
})
