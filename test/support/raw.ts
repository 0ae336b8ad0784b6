import http from 'node:http'

export type RawAnswer = Readonly<{
  status: number
  headers: http.IncomingHttpHeaders
  body: string
  /** What its request was marked with, if it was. */
  mark?: string | undefined
  /** Where it answers what is no request, or its caller did not stay for all of it. */
  kind?: 'unparsed' | 'left'
}>

export type RawRequest = Readonly<{
  url: string
  key?: string
  method?: string
  path?: string
  headers?: Readonly<Record<string, string>>
  body?: string | Buffer
}>

/** A request without the good manners of a client library. */
export function raw({
  url,
  key,
  method = 'POST',
  path = '/v1/chat/completions',
  headers,
  body,
}: RawRequest): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const request = http.request(
      `${url}${path}`,
      {
        method,
        headers: {
          'content-type': 'application/json',
          ...(key !== undefined && { authorization: `Bearer ${key}` }),
          ...headers,
        },
      },
      (response) => {
        let text = ''
        response.setEncoding('utf8')
        response.on('data', (piece: string) => (text += piece))
        response.on('end', () => {
          const { statusCode: status = 0, headers } = response
          resolve({ status, headers, body: text, mark: markIn(String(body)) })
        })
        response.on('error', reject)
      },
    )
    request.on('error', reject)
    request.end(body)
  })
}

/** What has come over a bare connection; undefined where that is not even a head. */
export function answerIn(text: string, request: string): RawAnswer | undefined {
  const [head = '', ...rest] = text.replace(/^HTTP\/1\.1 100 .*?\r\n\r\n/s, '').split('\r\n\r\n')
  const status = /^HTTP\/1\.1 (\d{3}) /.exec(head)?.[1]
  if (status === undefined || rest.length === 0) return undefined
  const headers = Object.fromEntries(
    head
      .split('\r\n')
      .slice(1)
      .map((line) => /^(.*?): *(.*)$/.exec(line) ?? [])
      .map(([, name = '', value = '']) => [name.toLowerCase(), value]),
  )
  const body = rest.join('\r\n\r\n')
  return {
    ...{ status: Number(status), headers, mark: markIn(request) },
    body: headers['transfer-encoding'] === 'chunked' ? unchunked(body) : body,
  }
}

/** The chunks that are there as a whole. */
function unchunked(body: string): string {
  const bytes = Buffer.from(body)
  let text = ''
  for (let at = 0; ;) {
    const head = bytes.indexOf('\r\n', at)
    const end = head + 2 + parseInt(bytes.toString('latin1', at, head), 16)
    if (head === -1 || !(end <= bytes.byteLength)) return text
    text += bytes.toString('utf8', head + 2, end)
    at = end + 2
  }
}

/** The payloads of a stream's events, comments left out; what has no end yet is none. */
export const payloads = (body: string): string[] =>
  body
    .split('\n\n')
    .slice(0, -1)
    .filter((event) => event.startsWith('data: '))
    .map((event) => event.slice(6))

export const chat = (model: string, more: object = {}): string =>
  JSON.stringify({ model, messages: [{ role: 'user', content: 'Say some words.' }], ...more })

let marks = 0

/**
 * A request that can be told from all others, by a word in its prompt that the fault provider writes into the id of its
 * answer: whoever gets it can be asked whether it was theirs.
 */
export const markedChat = (model: string, more: object = {}): string =>
  chat(model, {
    messages: [{ role: 'user', content: `Say some words, mark_${++marks}.` }],
    ...more,
  })

export const markIn = (text: string): string | undefined => /mark_\d+/.exec(text)?.[0]
