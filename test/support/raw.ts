import http from 'node:http'

export type RawAnswer = Readonly<{
  status: number
  headers: http.IncomingHttpHeaders
  body: string
  /** What its request was marked with, if it was. */
  mark?: string | undefined
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

/** The payloads of a stream's events, comments left out. */
export const payloads = (body: string): string[] =>
  body
    .split('\n\n')
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
