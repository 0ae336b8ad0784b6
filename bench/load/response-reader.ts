/** What a finished response looked like; the pieces of its body went to `onPiece`. */
export type ResponseHead = Readonly<{ status: number; isChunked: boolean; bodyBytes: number }>

export type ResponseReader = Readonly<{ feed(text: string): void }>

/**
 * Reads the HTTP/1.1 responses of one keep-alive connection. `node:http` would do, but costs more per
 * response than the gateways under test, and the load shares its core with the upstream. The text is
 * latin1, so that a character is a byte.
 */
export function responseReader(
  onPiece: (piece: string) => void,
  onEnd: (head: ResponseHead) => void,
): ResponseReader {
  let head: ResponseHead | undefined
  let rest = ''
  let missing = 0

  /** Each step consumes from `rest`, or says that it needs more text. */
  function step(): 'again' | 'wait' {
    if (head === undefined) return readHead()
    if (missing > 0) return readBody(head)
    return readSize(head)
  }

  function readHead(): 'again' | 'wait' {
    const end = rest.indexOf('\r\n\r\n')
    if (end < 0) return 'wait'
    head = parseHead(rest.slice(0, end))
    rest = rest.slice(end + 4)
    missing = head.bodyBytes
    if (!head.isChunked && missing === 0) finish(head)
    return 'again'
  }

  function readBody(current: ResponseHead): 'again' | 'wait' {
    if (rest === '') return 'wait'
    const piece = rest.length > missing ? rest.slice(0, missing) : rest
    rest = rest.slice(piece.length)
    missing -= piece.length
    onPiece(piece)
    if (missing === 0 && !current.isChunked) finish(current)
    return 'again'
  }

  /** Between chunks: the line end of the last one, then the size of the next; size 0 ends the body. */
  function readSize(current: ResponseHead): 'again' | 'wait' {
    const start = rest.startsWith('\r\n') ? 2 : 0
    const end = rest.indexOf('\r\n', start)
    if (end < 0 || rest.length < end + 4) return 'wait'
    missing = parseInt(rest.slice(start, end), 16)
    rest = rest.slice(missing === 0 ? end + 4 : end + 2)
    if (missing === 0) finish(current)
    return 'again'
  }

  function finish(ended: ResponseHead): void {
    head = undefined
    onEnd(ended)
  }

  function feed(text: string): void {
    rest = rest === '' ? text : rest + text
    while (rest !== '' && step() === 'again');
  }

  return { feed }
}

function parseHead(head: string): ResponseHead {
  const lower = head.toLowerCase()
  const length = /\r\ncontent-length: *(\d+)/.exec(lower)
  return {
    status: Number(head.slice(9, 12)),
    isChunked: /\r\ntransfer-encoding: *chunked/.test(lower),
    bodyBytes: Number(length?.[1] ?? 0),
  }
}
