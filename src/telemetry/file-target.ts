import { once } from 'node:events'
import type winston from 'winston'
import { joinTransport } from './join-transport.ts'
import { RotatingFile } from './rotating-file.ts'
import { tellStderr } from './tell-stderr.ts'

export type FileSettings = Readonly<{ dir: string; fileBytesMax: number }>

export interface FileTarget {
  /** Announces a batch, before it is logged: told whether all of its bytes reached the file. */
  expect(bytes: number): Promise<boolean>
  /** The batch could not even be handed over. */
  fail(error: unknown): void
  close(): Promise<void>
}

const DAYS_MAX = 7
const REOPEN_AFTER_MS = 10_000

/**
 * Keeps a rotating file behind the logger. Trouble is told once on standard error; the file is then taken away and
 * opened anew after a while, so that a disk with room again gets its log again.
 */
export function fileTarget(
  logger: winston.Logger,
  { dir, fileBytesMax }: FileSettings,
): FileTarget {
  const flight = byteFlight()
  let file: RotatingFile | undefined
  let leave: () => void = () => undefined
  let openAtMs = 0
  let isTold = false

  function open(): void {
    if (file !== undefined || performance.now() < openAtMs) return
    try {
      const onWritten = flight.written
      file = new RotatingFile({ dir, fileBytesMax, daysMax: DAYS_MAX, onWritten, onTrouble })
      // eslint-disable-next-line @typescript-eslint/no-unsafe-class-instance-assignment -- winston's types import the class as a namespace, in which the rule does not recognise it
      leave = joinTransport(logger, file)
    } catch (error) {
      onTrouble(error)
    }
  }

  function onTrouble(error: unknown): void {
    if (!isTold) tellStderr(`The log cannot be written to ${dir}, the gateway goes on`, error)
    isTold = true
    openAtMs = performance.now() + REOPEN_AFTER_MS
    leave()
    file = undefined
    flight.land(false)
  }

  open()
  return {
    async expect(bytes) {
      open()
      if (file === undefined) return false
      const isWritten = await flight.start(bytes)
      if (isWritten) isTold = false
      return isWritten
    },
    fail: onTrouble,
    async close() {
      openAtMs = Number.POSITIVE_INFINITY
      if (file === undefined) return
      const finished = once(file, 'finish')
      leave()
      await finished
    },
  }
}

type ByteFlight = Readonly<{
  start(bytes: number): Promise<boolean>
  written(bytes: number): void
  land(isWritten: boolean): void
}>

/** One batch on its way: it has landed when as many bytes are written as it has, or when the file failed. */
function byteFlight(): ByteFlight {
  let bytesLeft = 0
  let resolve: (isWritten: boolean) => void = () => undefined
  return {
    start(bytes) {
      bytesLeft = bytes
      return new Promise((resolveStart) => (resolve = resolveStart))
    },
    written(bytes) {
      bytesLeft -= bytes
      if (bytesLeft <= 0) resolve(true)
    },
    land: (isWritten) => resolve(isWritten),
  }
}
