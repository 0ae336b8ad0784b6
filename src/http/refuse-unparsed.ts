import type { Duplex } from 'node:stream'

type Refusal = readonly [status: string, message: string, isRetried?: boolean]

const REFUSALS = new Map<string | undefined, Refusal>([
  [
    'HPE_HEADER_OVERFLOW',
    ['431 Request Header Fields Too Large', 'The headers are too large. Send less than 16 KiB.'],
  ],
  [
    'ERR_HTTP_REQUEST_TIMEOUT',
    ['408 Request Timeout', 'The request took too long to arrive. Send it again.', true],
  ],
])
const NO_HTTP: Refusal = ['400 Bad Request', 'This is not a valid HTTP request.']
const NO_TUNNEL: Refusal = ['405 Method Not Allowed', 'CONNECT is not possible here.']

/** What cannot be parsed as HTTP has no route and no request id; it gets the shape of the others and the door. */
export function refuseUnparsed(error: Error & { code?: string }, socket: Duplex): void {
  if (socket.writable && error.code !== 'ECONNRESET')
    say(REFUSALS.get(error.code) ?? NO_HTTP, socket)
  else socket.destroy()
}

/** Node hands out the bare socket of a CONNECT. */
export function refuseTunnel(_req: unknown, socket: Duplex): void {
  socket.on('error', () => undefined) // whoever asked may be gone
  say(NO_TUNNEL, socket)
}

function say([status, message, isRetried = false]: Refusal, socket: Duplex): void {
  const body = JSON.stringify({
    error: { message, type: 'invalid_request_error', param: null, code: 'invalid_request' },
  })
  socket.end(
    `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\nx-should-retry: ${isRetried}\r\n` +
      `connection: close\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  )
}
