import type { Socket } from 'node:net'
import { brokenOff, type BodySource, type IncomingBody } from '../incoming-body.ts'
import { refuseUnparsed } from '../refuse-unparsed.ts'
import type { AnswerHead, Wire, WireListener } from '../wire.ts'
import { Reader } from '../reader.ts'
import { chunkOf, LAST_CHUNK, withHead } from '../wire.ts'
import { answerHead } from './answer-head.ts'
import { afterSilence } from './patience.ts'
import { isWithin, readRequestHead, type HotHeaders, type QuickLimits } from './request-head.ts'
import { copyOf, readShared } from './shared-reads.ts'

export type QuickNeeds = Readonly<{
  /** A request has begun; it is answered over its connection. */
  answer: (connection: QuickConnection, headers: HotHeaders) => void
  /** Leaving: the gateway is about to stop. */
  settings: () => QuickLimits & Readonly<{ idleReaderMs: number; isLeaving: boolean }>
  /** From here on Node reads what comes, beginning with these bytes. */
  handOver: (connection: QuickConnection, bytes: Buffer) => void
  onClosed: (connection: QuickConnection) => void
}>

const NOTHING = Buffer.alloc(0)
/** What may wait: of a body that nobody asked for yet, or of requests behind the one that is answered. */
const WAITING_BYTES_MAX = 128 * 1024
const LATE = Object.assign(new Error('late'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' })

/** A caller's connection as long as nothing comes by it but plain chat requests, one after the other. */
export class QuickConnection implements Wire, BodySource {
  readonly socket: Socket
  readonly #stopReading: () => void
  /** The length of the request's body. */
  announced = 0
  readonly #needs: QuickNeeds
  /** A request has begun, and its answer or its body has not ended. */
  #isBusy = false
  #hasAsked = false
  #isLast = false
  /** Whose answer is on its way. */
  #listener: WireListener | undefined
  #body: IncomingBody | undefined
  /** Bytes before their time: of the body, or of requests behind this one. */
  #early: Buffer = NOTHING
  /** Of the body, not here yet. */
  #left = 0
  /** The head of an answer in pieces, until the first of them. */
  #head = ''
  #isFresh = true
  #sinceTicks = 0
  readonly #reader = new Reader()

  constructor(socket: Socket, needs: QuickNeeds) {
    this.socket = socket
    this.#needs = needs
    this.#stopReading = readShared(socket, this.#read)
    socket.on('drain', this.#onDrain)
    socket.on('end', this.#onEnd)
    socket.on('close', this.#onClose)
    socket.on('error', ignore)
  }

  open(body: IncomingBody): Buffer | Promise<Buffer> {
    const early = this.#early
    if (early.byteLength === this.#left) {
      this.#body = body
      this.#early = NOTHING
      this.#left = 0
      this.#readOn()
      return body.whole(early)
    }
    return body.gather(() => {
      this.#body = body
      this.#takeEarly()
      if (this.isGone) body.refuse(brokenOff())
    })
  }

  tell(listener: WireListener): void {
    this.#listener = listener
  }

  get isGone(): boolean {
    return this.socket.destroyed
  }

  whole(head: AnswerHead, body: Uint8Array | string): void {
    const isText = typeof body === 'string'
    const length = isText ? body.length : body.byteLength
    const text = answerHead(head, `content-length: ${length}\r\n`, this.#isLast)
    if (isText) this.socket.write(text + body, 'latin1')
    else this.socket.write(withHead(text, body))
    this.#answered()
  }

  begin(head: AnswerHead): void {
    this.#head = answerHead(head, 'transfer-encoding: chunked\r\n', this.#isLast)
  }

  write(bytes: Uint8Array | string): boolean {
    const chunk = chunkOf(bytes)
    if (this.#head === '') return this.socket.write(chunk) || this.isGone
    const head = this.#head
    this.#head = ''
    return this.socket.write(withHead(head, chunk)) || this.isGone
  }

  end(): void {
    this.socket.write(this.#head + LAST_CHUNK, 'latin1')
    this.#head = ''
    this.#answered()
  }

  closeAfter(): void {
    this.#isLast = true
  }

  /** Now and then: whether it has been silent, or was not read, for too long. */
  look(nowTicks: number): void {
    const idleMs = this.#reader.idleMs(this.socket)
    if (idleMs > 0 && idleMs >= this.#needs.settings().idleReaderMs) this.socket.destroy()
    if (this.#isFresh || this.socket.writableLength > 0) this.#sinceTicks = nowTicks
    this.#isFresh = false
    const what = afterSilence(nowTicks - this.#sinceTicks, {
      isAnswering: this.#listener !== undefined,
      isBodyMissing: this.#left > 0,
      isBusy: this.#isBusy,
      hasAsked: this.#hasAsked,
    })
    if (what === 'refused') refuseUnparsed(LATE, this.socket)
    else if (what === 'closed') this.socket.destroy()
  }

  closeIfIdle(): void {
    if (this.#isBusy) return
    if (this.socket.writableLength > 0) this.socket.end()
    else this.socket.destroy()
  }

  /** It is somebody else's now. */
  release(): void {
    const { socket } = this
    this.#stopReading()
    socket.off('drain', this.#onDrain)
    socket.off('end', this.#onEnd)
    socket.off('close', this.#onClose)
    socket.off('error', ignore)
  }

  readonly #read = (bytes: Buffer, count: number): void => {
    const isAnswered = this.#listener === undefined
    if (this.#isLast && isAnswered) return // nothing it says matters now
    if (this.#isFree && this.#early.byteLength === 0) this.#begin(bytes, count)
    else if (this.#left > 0 && (isAnswered || this.#body !== undefined))
      this.#takeBody(copyOf(bytes, 0, count))
    else this.#keep(bytes.subarray(0, count))
  }

  #begin(bytes: Buffer, count: number): void {
    const head = readRequestHead(bytes, count)
    const settings = this.#needs.settings()
    if (head === undefined || !isWithin(head, settings)) {
      this.#needs.handOver(this, copyOf(bytes, 0, count))
      return
    }
    this.#isBusy = true
    this.#hasAsked = true
    this.#isFresh = true
    this.#isLast = settings.isLeaving
    this.#body = undefined
    this.announced = head.length
    this.#left = head.length
    this.#early = copyOf(bytes, head.bodyAt, count)
    this.#needs.answer(this, head.headers)
  }

  #takeEarly(): void {
    const early = this.#early
    this.#early = NOTHING
    this.#readOn()
    this.#takeBody(early)
  }

  #readOn(): void {
    if (this.socket.isPaused()) this.socket.resume()
  }

  /** What is behind the body belongs to the next request. */
  #takeBody(bytes: Buffer): void {
    const isWhole = bytes.byteLength >= this.#left
    const piece = bytes.byteLength > this.#left ? bytes.subarray(0, this.#left) : bytes
    if (bytes.byteLength > this.#left) this.#early = bytes.subarray(this.#left)
    this.#left -= piece.byteLength
    if (piece.byteLength > 0) this.#body?.add(piece)
    if (!isWhole) return
    this.#body?.end()
    if (this.#listener === undefined) this.#free()
  }

  #keep(bytes: Buffer): void {
    this.#early = Buffer.concat([this.#early, bytes])
    if (this.#early.byteLength > WAITING_BYTES_MAX) this.socket.pause()
  }

  #answered(): void {
    this.#listener = undefined
    this.#isFresh = true
    if (this.#isLast) this.socket.end()
    else if (this.#body === undefined)
      this.#takeEarly() // nobody wanted the body: it is read and dropped
    else if (this.#left === 0) this.#free()
  }

  /** Who does not read the answers gets no other. */
  get #isFree(): boolean {
    return !this.#isBusy && !this.socket.writableNeedDrain
  }

  /** For the next request, which may be here already. */
  #free(): void {
    this.#isBusy = false
    this.#body = undefined
    if (this.#early.byteLength === 0 || !this.#isFree) return
    queueMicrotask(() => {
      const bytes = this.#early
      if (!this.#isFree || this.isGone || bytes.byteLength === 0) return
      this.#early = NOTHING
      this.#readOn()
      this.#begin(bytes, bytes.byteLength)
    })
  }

  readonly #onDrain = (): void => {
    this.#listener?.drained()
    if (!this.#isBusy) this.#free()
  }

  /** Who says that nothing more will come does not wait for an answer, either: as Node has it. */
  readonly #onEnd = (): void => {
    this.socket.end()
  }

  readonly #onClose = (): void => {
    this.#needs.onClosed(this)
    this.#body?.refuse(brokenOff())
    this.#listener?.closed()
    this.#listener = undefined
  }
}

const ignore = (): void => undefined // it closes then
