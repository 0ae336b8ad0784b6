import type { Failure } from '../domain/failure.ts'
import type { HeaderLines } from './header-lines.ts'

/** The way back to the caller. Writing to a caller who has left does nothing. */
export interface Reply {
  readonly isGone: boolean
  /** The head of an event stream is out: the status cannot change any more. */
  readonly hasBegun: boolean
  /** Whatever comes, an answer or a refusal, will carry these headers. */
  announce(headers: HeaderLines): void
  /** Runs once when the caller leaves before the answer is complete. */
  onGone(listener: () => void): void
  /** A whole answer at once; as text where that is ASCII, which is written in one piece with its head. */
  send(headers: HeaderLines, body: Uint8Array | string): void
  /** Begins an event stream; the status is 200 from here on. */
  begin(headers: HeaderLines): void
  /** The bytes are good during the call alone. False: the caller reads slower than this; wait for `onWritable`. */
  write(bytes: Uint8Array | string): boolean
  onWritable(listener: () => void): void
  end(): void
  /** Tells the caller of a refusal, or of a failure in mid-stream, in the dialect of the route; and ends. */
  fail(failure: Failure): void
}
