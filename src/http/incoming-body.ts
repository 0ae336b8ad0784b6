import { Failure, invalidRequest } from '../domain/failure.ts'
import type { Watched } from '../gateway/rounds.ts'
import type { Intake } from './intake.ts'

/** A caller who sends nothing for so long in the middle of a body is refused. */
export const IDLE_MS = 10_000

/** Where a body comes from. */
export interface BodySource {
  /** As its sender announced it; 0 where nothing was said. */
  readonly announced: number
  /** Has the body gather what comes, or hands it over where all of it is here. */
  open(body: IncomingBody): Buffer | Promise<Buffer>
}

/**
 * The body of a request on the hot path: capped after inflation, counted with all others, and given up when it does not
 * come. koa-body reads them elsewhere; here it would cost a tenth of the whole request.
 */
export class IncomingBody implements Watched {
  slot = -1
  readonly #source: BodySource
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
  #resolve: (bytes: Buffer) => void = () => undefined
  #reject: (why: Failure) => void = () => undefined

  constructor(source: BodySource, intake: Intake, bytesMax: number) {
    this.#source = source
    this.#intake = intake
    this.#bytesMax = bytesMax
  }

  read(): Buffer | Promise<Buffer> {
    if (this.#source.announced > this.#bytesMax) throw tooLarge(this.#bytesMax)
    return this.#source.open(this)
  }

  /** All of it. */
  whole(bytes: Buffer): Buffer {
    this.#count(bytes.byteLength)
    return bytes
  }

  /** What its source then says of it: a piece, its end, or why it does not come. */
  gather(begin: () => void): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
      this.#intake.rounds.add(this)
      begin()
    })
  }

  /** What comes behind a refusal is dropped, so that the answer can be sent. */
  add(piece: Buffer): void {
    if (!this.#isOver) this.#add(piece)
  }

  end(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#intake.rounds.remove(this)
    this.#resolve(this.#whole())
  }

  refuse(why: Failure): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#bytes = NONE
    this.#intake.rounds.remove(this)
    this.#reject(why)
  }

  /** The request is over, and its body forgotten. */
  giveBack(): void {
    this.#intake.giveBack(this.#taken)
    this.#taken = 0
  }

  look(now: number): void {
    if (this.#isFresh) this.#lastTicks = now
    this.#isFresh = false
    if (now - this.#lastTicks >= IDLE_MS) this.refuse(late())
  }

  /** Who is still sending when the gateway stops has not been promised anything. */
  hurry(): void {
    this.refuse(late())
  }

  #whole(): Buffer {
    const bytes = this.#bytes
    this.#bytes = NONE // whoever reads it keeps what it needs
    return this.#length === bytes.byteLength ? bytes : bytes.subarray(0, this.#length)
  }

  #add(piece: Buffer): void {
    const before = this.#length
    this.#isFresh = true
    try {
      this.#count(piece.byteLength)
    } catch (error) {
      this.refuse(error as Failure)
      return
    }
    if (before === 0) this.#bytes = piece
    else this.#append(piece, before)
  }

  #count(bytes: number): void {
    const length = this.#length + bytes
    if (length > this.#bytesMax) throw tooLarge(this.#bytesMax)
    this.#intake.take(bytes, length)
    this.#taken += bytes
    this.#length = length
  }

  /** Kept one by one, a body in chunks of a byte would be an object a byte. */
  #append(piece: Buffer, at: number): void {
    if (this.#length > this.#bytes.byteLength) {
      const larger = Buffer.allocUnsafeSlow(Math.max(this.#length, 2 * this.#bytes.byteLength))
      larger.set(this.#bytes.subarray(0, at))
      this.#bytes = larger
    }
    this.#bytes.set(piece, at)
  }
}

const NONE = Buffer.alloc(0)

export const tooLarge = (bytesMax: number): Failure =>
  new Failure(
    'body_too_large',
    `The body is larger than ${bytesMax} bytes. Send less, or link large media.`,
  )

export const brokenOff = (): Failure => invalidRequest('The body ended before its length.')

export const late = (): Failure =>
  new Failure('request_timeout', 'The body did not come in time. Send the request again.')
