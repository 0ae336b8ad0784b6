import fc from 'fast-check'
import { expect, test } from 'vitest'
import { responseReader, type ResponseHead } from './response-reader.ts'

const whole = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello'
const chunked =
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nb\r\n big\r\nworld\r\n0\r\n\r\n'
const refused = 'HTTP/1.1 429 Too Many Requests\r\ncontent-length: 0\r\n\r\n'

function read(pieces: readonly string[]): { bodies: string[]; statuses: number[] } {
  const bodies: string[] = []
  const statuses: number[] = []
  let body = ''
  const reader = responseReader(
    (piece) => (body += piece),
    (head: ResponseHead) => {
      statuses.push(head.status)
      bodies.push(body)
      body = ''
    },
  )
  for (const piece of pieces) reader.feed(piece)
  return { bodies, statuses }
}

test('responses on one connection are told apart, however the network cuts them', () => {
  const text = whole + chunked + refused + chunked
  const cuts = fc.array(fc.nat(text.length), { maxLength: 20 })
  fc.assert(
    fc.property(cuts, (places) => {
      const borders = [0, ...places.toSorted((left, right) => left - right), text.length]
      const pieces = borders.slice(1).map((end, index) => text.slice(borders[index], end))
      expect(read(pieces)).toEqual({
        bodies: ['hello', 'hello big\r\nworld', '', 'hello big\r\nworld'],
        statuses: [200, 200, 429, 200],
      })
    }),
  )
})

test('a response that is cut off never ends', () => {
  expect(read([chunked.slice(0, -1)])).toEqual({ bodies: [], statuses: [] })
})
