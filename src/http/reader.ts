import type { Socket } from 'node:net'

/** How often whoever looks after connections looks at them. */
export const LOOK_EVERY_MS = 1_000

/** Not yet with the system, of the bytes that Node handed to it last. */
type Inside = { _handle?: { writeQueueSize?: number } | null }

/**
 * Who is to take what is written to a connection, looked at now and then. Looks are counted, and not time: after a pause of
 * all that runs here, one look is due before what was taken meanwhile is known.
 */
export class Reader {
  #taken = -1
  #queued = -1
  #idleLooks = 0

  /** For how long they have taken nothing of what waits for them; 0 where nothing waits. */
  idleMs(socket: Socket): number {
    const waiting = socket.writableLength
    // Of a large answer, which is one write, Node counts nothing until all of it has gone; its queue shrinks meanwhile.
    const queued = waiting === 0 ? 0 : ((socket as Inside)._handle?.writeQueueSize ?? 0)
    // What is written besides, signs of life say, is in both.
    const taken = waiting === 0 ? 0 : socket.bytesWritten - waiting
    const isIdle = waiting > 0 && taken === this.#taken && queued === this.#queued
    this.#taken = taken
    this.#queued = queued
    this.#idleLooks = isIdle ? this.#idleLooks + 1 : 0
    return this.#idleLooks * LOOK_EVERY_MS
  }
}
