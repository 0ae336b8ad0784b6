import type { OnReadOpts, Socket } from 'node:net'
import { ChunkedBody } from './chunked-body.ts'
import { parseResponseHead, type ResponseHead } from './response-head.ts'
import { noHttp, WireError } from './wire-error.ts'

/** Who waits for a response; is told of its end, or that it failed, exactly once. */
export interface ResponseReader {
  /** The request goes out on a live connection. */
  onSent(): void
  onHead(head: ResponseHead): void
  /** The bytes are in memory that is used again: they are good during the call alone. */
  onBody(bytes: Buffer, isEnd: boolean): void
  onFailed(error: Error): void
}

export type ConnectionNeeds = Readonly<{
  open: (onread: OnReadOpts) => Socket
  opened: 'connect' | 'secureConnect'
  /** Told after each request, and once more when it is lost; a good one can have another request. */
  onFree: (connection: HttpConnection, isGood: boolean) => void
}>

/** Of one response; more is an attack or a mistake. */
const HEAD_BYTES_MAX = 16 * 1024
/** Heads that only say that there is more to come, such as early hints. */
const INTERIMS_MAX = 100
/** Behind what its reader wanted. */
const REST_BYTES_MAX = 64 * 1024
const REST_MS = 1_000
const NOTHING = Buffer.alloc(0)
const END = Buffer.from('\r\n\r\n')
/** Every connection reads into the same memory, one after the other: memory of its own for each read costs more than all the parsing. */
const READ = Buffer.allocUnsafeSlow(64 * 1024)

/** What the next bytes are. */
const UNASKED = 0
const HEAD = 1
const LENGTH = 2
const CHUNKS = 3
const REST = 4 // whatever comes until the connection ends

/** One connection to an upstream, and the one request that it has at a time. */
export class HttpConnection {
  /** When it was freed, as its pool counts time. */
  freeSince = 0
  /** How long the server keeps it, if it says so. */
  idleSeconds: number | undefined
  readonly #needs: ConnectionNeeds
  readonly #socket: Socket
  readonly #chunks = new ChunkedBody()
  #reader: ResponseReader | undefined
  #request = ''
  #isOpen = false
  #isLost = false
  #isPaused = false
  #next = UNASKED
  #left = 0
  /** A head whose rest has not come yet. */
  #begun: Buffer = NOTHING
  #interims = 0
  #keepsAlive = false
  #unread = 0

  constructor(needs: ConnectionNeeds) {
    this.#needs = needs
    const callback = (count: number, bytes: Uint8Array) => this.#read(bytes as Buffer, count)
    const socket = needs.open({ buffer: READ, callback })
    this.#socket = socket
    socket.setNoDelay(true)
    socket.setKeepAlive(true, 60_000)
    socket.once(needs.opened, () => {
      this.#isOpen = true
      this.#send()
    })
    socket.on('end', this.#ended)
    socket.on('close', this.#ended)
    socket.on('timeout', () => {
      this.close()
    })
    socket.on('error', this.#lost)
  }

  /** `request`: its head and its body. */
  ask(request: string, reader: ResponseReader): void {
    this.#reader = reader
    this.#request = request
    this.#next = HEAD
    this.#interims = 0
    this.#unread = 0
    if (this.#isOpen) this.#send()
  }

  /** Gives its request up: the reader is told nothing more. */
  drop(reader: ResponseReader): void {
    if (this.#reader !== reader) return
    this.#reader = undefined
    this.close()
  }

  /** Its reader has all it wants: what is left of the response is not told, and only worth a moment. */
  leave(reader: ResponseReader): void {
    if (this.#reader !== reader) return
    this.#reader = undefined
    this.#goOn()
    this.#socket.setTimeout(REST_MS)
  }

  pause(reader: ResponseReader): void {
    if (this.#reader !== reader) return
    this.#isPaused = true
    this.#socket.pause()
  }

  resume(reader: ResponseReader): void {
    if (this.#reader === reader) this.#goOn()
  }

  close(): void {
    if (this.#isLost) return
    this.#isLost = true
    this.#socket.destroy()
    this.#needs.onFree(this, false)
  }

  #goOn(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    this.#socket.resume()
  }

  #send(): void {
    const request = this.#request
    this.#request = ''
    this.#reader?.onSent()
    if (this.#reader !== undefined) this.#socket.write(request)
  }

  /** Whatever goes wrong in it is the trouble of this one request. */
  #read(bytes: Buffer, count: number): boolean {
    try {
      if (this.#begun === NOTHING) this.#take(bytes, count)
      else {
        const whole = Buffer.concat([this.#begun, bytes.subarray(0, count)])
        this.#begun = NOTHING
        this.#take(whole, whole.byteLength)
      }
    } catch (error) {
      this.#fail(error as Error)
    }
    return true
  }

  #take(bytes: Buffer, count: number): void {
    let at = 0
    while (this.#next === HEAD && at < count) at = this.#takeHead(bytes, at, count)
    if (this.#next === LENGTH) this.#takeLength(bytes, at, count)
    else if (this.#next === CHUNKS) this.#takeChunks(bytes, at, count)
    else if (this.#next === REST) this.#give(bytes.subarray(at, count))
    else if (this.#next === UNASKED) this.close() // what would come next could not be trusted
  }

  /** Returns where it ends; what is not whole is kept for later. */
  #takeHead(bytes: Buffer, from: number, count: number): number {
    const end = bytes.indexOf(END, from)
    // What stands behind `count` in the memory is of an earlier read.
    if (end === -1 || end + END.length > Math.min(count, from + HEAD_BYTES_MAX)) {
      if (count - from >= HEAD_BYTES_MAX) throw noHttp('a head without end')
      this.#begun = Buffer.from(bytes.subarray(from, count))
      return count
    }
    const head = parseResponseHead(bytes.toString('latin1', from, end + 2))
    if (head === undefined || head.status === 101) throw noHttp('a head that is none')
    if (head.status >= 200) this.#begin(head)
    else if (++this.#interims > INTERIMS_MAX) throw noHttp('heads without end')
    return end + END.length
  }

  #begin(head: ResponseHead): void {
    const { status, length, isChunked, keepsAlive, idleSeconds } = head
    const hasBody = status !== 204 && status !== 304
    this.#left = hasBody ? (length ?? 0) : 0
    this.#next = !hasBody || length !== undefined ? LENGTH : isChunked ? CHUNKS : REST
    this.#keepsAlive = keepsAlive && this.#next !== REST
    this.idleSeconds = idleSeconds
    this.#chunks.reset()
    this.#reader?.onHead(head)
    if (this.#reader === undefined) this.#next = -1 // it has heard enough
  }

  #takeLength(bytes: Buffer, from: number, count: number): void {
    const end = Math.min(from + this.#left, count)
    this.#left -= end - from
    if (this.#left === 0) this.#finish(bytes.subarray(from, end), end === count)
    else this.#give(bytes.subarray(from, end))
  }

  #takeChunks(bytes: Buffer, from: number, count: number): void {
    const chunks = this.#chunks
    const end = chunks.gather(bytes, from, count)
    if (chunks.isOver) this.#finish(bytes.subarray(from, end), chunks.at === count)
    else {
      this.#give(bytes.subarray(from, end))
      if (chunks.isWrong) throw noHttp('a chunk that is none')
    }
  }

  #give(bytes: Buffer): void {
    if (bytes.byteLength === 0) return
    if (this.#reader !== undefined) this.#reader.onBody(bytes, false)
    else if ((this.#unread += bytes.byteLength) > REST_BYTES_MAX) this.close()
  }

  /** Nothing that the reader does with its answer touches the connection any more, which may have its next request. */
  #finish(bytes: Buffer, isClean: boolean): void {
    const reader = this.#reader
    this.#reader = undefined
    this.#next = UNASKED
    const stays = this.#keepsAlive && isClean && this.#socket.writableLength === 0
    if (reader === undefined) this.#socket.setTimeout(0)
    try {
      reader?.onBody(bytes, true)
    } catch (error) {
      reader?.onFailed(error as Error)
    }
    if (!stays) this.close()
    else if (!this.#isLost) {
      this.#goOn()
      this.#needs.onFree(this, true)
    }
  }

  #ended = (): void => {
    if (this.#next === REST && this.#reader !== undefined) this.#finish(NOTHING, true)
    else this.#lost(new WireError('CLOSED', 'the connection was closed'))
  }

  /** Where a head had begun, the request has been seen, as with anything else that is no HTTP. */
  #lost = (error: Error): void => {
    const hasBegun = this.#next === HEAD && (this.#begun !== NOTHING || this.#interims > 0)
    this.#fail(hasBegun ? noHttp(`a head that broke off: ${error.message}`) : error)
  }

  #fail(error: Error): void {
    const reader = this.#reader
    this.#reader = undefined
    this.close()
    reader?.onFailed(error)
  }
}
