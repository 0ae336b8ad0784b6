import type { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import { Failure, invalidRequest } from '../domain/failure.ts'
import type { Watched } from '../gateway/rounds.ts'
import type { Intake } from './intake.ts'
import { inflated } from './inflated.ts'

/** A caller who sends nothing for so long in the middle of a body is refused. */
const IDLE_MS = 10_000

/**
 * The body of a request on the hot path: capped after inflation, counted with all others, and given up when it does not
 * come. koa-body reads them elsewhere; here it would cost a tenth of the whole request.
 */
export class IncomingBody implements Watched {
  slot = -1
  readonly #req: IncomingMessage
  readonly #intake: Intake
  readonly #bytesMax: number
  /** The first piece, which mostly is all; more are gathered behind it, in memory that doubles when it is full. */
  #bytes: Buffer = NONE
  #length = 0
  /** What the intake has counted of it. */
  #taken = 0
  #isFresh = true
  #isOver = false
  #lastTicks = 0
  #refuse: (why: Failure) => void = () => undefined

  constructor(req: IncomingMessage, intake: Intake, bytesMax: number) {
    this.#req = req
    this.#intake = intake
    this.#bytesMax = bytesMax
  }

  read(): Promise<Buffer> {
    const { headers } = this.#req
    if (Number(headers['content-length'] ?? 0) > this.#bytesMax) {
      return Promise.reject(tooLarge(this.#bytesMax))
    }
    const encoding = headers['content-encoding']
    if (encoding === undefined || encoding === 'identity') return this.#collect(this.#req)
    return inflated(this.#req, encoding, (stream) => this.#collect(stream))
  }

  /** The request is over, and its body forgotten. */
  giveBack(): void {
    this.#intake.giveBack(this.#taken)
    this.#taken = 0
  }

  look(now: number): void {
    if (this.#isFresh) this.#lastTicks = now
    this.#isFresh = false
    if (now - this.#lastTicks >= IDLE_MS) this.#refuse(late())
  }

  /** Who is still sending when the gateway stops has not been promised anything. */
  hurry(): void {
    this.#refuse(late())
  }

  #collect(stream: Readable): Promise<Buffer> {
    this.#intake.rounds.add(this)
    return new Promise((resolve, reject) => {
      this.#refuse = (why) => {
        this.#isOver = true
        this.#bytes = NONE
        this.#intake.rounds.remove(this)
        reject(why)
      }
      stream.on('data', (piece: Buffer) => {
        if (!this.#isOver) this.#add(piece) // the rest is read and dropped, so that the answer can be sent
      })
      stream.on('end', () => {
        if (this.#isOver) return
        this.#intake.rounds.remove(this)
        resolve(this.#whole())
      })
      stream.on('error', () => {
        this.#refuse(
          invalidRequest('The body could not be read. Check its length and content-encoding.'),
        )
      })
      stream.on('close', () => {
        if (!stream.readableEnded) this.#refuse(invalidRequest('The body ended before its length.'))
      })
    })
  }

  #whole(): Buffer {
    const bytes = this.#bytes
    return this.#length === bytes.byteLength ? bytes : bytes.subarray(0, this.#length)
  }

  #add(piece: Buffer): void {
    const length = this.#length + piece.byteLength
    this.#isFresh = true
    if (length > this.#bytesMax) {
      this.#refuse(tooLarge(this.#bytesMax))
      return
    }
    try {
      this.#intake.take(piece.byteLength, length)
    } catch (error) {
      this.#refuse(error as Failure)
      return
    }
    this.#taken += piece.byteLength
    if (this.#length === 0) this.#bytes = piece
    else this.#append(piece, length)
    this.#length = length
  }

  /** Kept one by one, a body in chunks of a byte would be an object a byte. */
  #append(piece: Buffer, length: number): void {
    if (length > this.#bytes.byteLength) {
      const larger = Buffer.allocUnsafeSlow(Math.max(length, 2 * this.#bytes.byteLength))
      larger.set(this.#bytes.subarray(0, this.#length))
      this.#bytes = larger
    }
    this.#bytes.set(piece, this.#length)
  }
}

const NONE = Buffer.alloc(0)

const tooLarge = (bytesMax: number): Failure =>
  new Failure(
    'body_too_large',
    `The body is larger than ${bytesMax} bytes. Send less, or link large media.`,
  )

const late = (): Failure =>
  new Failure('request_timeout', 'The body did not come in time. Send the request again.')
