import net, { type Socket } from 'node:net'

/** Told of what came: the first `count` of the bytes, which are good during the call alone. What is kept is copied. */
export type TakeBytes = (bytes: Buffer, count: number) => void

/**
 * What every connection reads into, one after the other. Left to itself Node takes 64 KB for each read and cuts them down
 * behind what came, which is a thirtieth of all that a whole answer costs.
 */
const MEMORY = Buffer.allocUnsafeSlow(64 * 1024)

/**
 * Node shares such memory where a socket is made with the option `onread`, and the server makes its sockets without. So
 * they are given afterwards what that option would have given them. Undefined where Node keeps that elsewhere.
 */
const ASKED = { readable: true, onread: { buffer: MEMORY, callback: () => true } }
const PLACES = placesOf(new net.Socket(ASKED))

type Places = Readonly<{ buffer: symbol; callback: symbol }>

function placesOf(socket: Socket): Places | undefined {
  const symbols = Object.getOwnPropertySymbols(socket)
  const buffer = symbols.find(({ description }) => description === 'kBuffer')
  const callback = symbols.find(({ description }) => description === 'kBufferCb')
  return buffer === undefined || callback === undefined ? undefined : { buffer, callback }
}

type Inside = Socket & {
  _handle?: { useUserBuffer?: (memory: Uint8Array) => void } | null
  [place: symbol]: unknown
}

/**
 * Tells of all that comes by an accepted connection until the function that it returns is called: from then on the socket
 * is a stream like any other.
 */
export function readShared(accepted: Socket, take: TakeBytes): () => void {
  const socket = accepted as Inside
  if (PLACES === undefined || socket._handle?.useUserBuffer === undefined)
    return readOwn(accepted, take)
  socket[PLACES.buffer] = MEMORY
  socket[PLACES.callback] = (count: number) => {
    take(MEMORY, count)
    return true
  }
  socket._handle.useUserBuffer(MEMORY)
  return () => {
    socket[PLACES.callback] = pushedTo(socket)
  }
}

/** Keeps nobody alive who was told before. */
const pushedTo =
  (socket: Socket) =>
  (count: number): boolean =>
    socket.push(copyOf(MEMORY, 0, count))

export const copyOf = (bytes: Buffer, from: number, to: number): Buffer =>
  Buffer.from(bytes.subarray(from, to))

function readOwn(socket: Socket, take: TakeBytes): () => void {
  const onData = (bytes: Buffer): void => {
    take(bytes, bytes.byteLength)
  }
  socket.on('data', onData)
  return () => {
    socket.off('data', onData)
  }
}
