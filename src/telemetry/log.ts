import { setTimeout } from 'node:timers/promises'
import { batchWriter } from './batch-writer.ts'
import { openLogSink } from './log-sink.ts'
import type { LogEntry, LogLevel, ReadyMembers } from './log-text.ts'

export type LogSettings = Readonly<{
  dir: string
  level: LogLevel
  isStdout: boolean
  fileBytesMax?: number
  linesWaitingMax?: number
}>

export interface Log {
  /**
   * Costs the caller a push to an array. Fields are read later, so they must not change any more; a function is
   * called later. A line that does not fit is lost and counted, never waited for.
   */
  write(level: LogLevel, fields: LogEntry['fields']): void
  /** The same for the line that every request has, which is made by hand, and kept as bytes. */
  writeReady(level: LogLevel, members: ReadyMembers): void
  setLevel(level: LogLevel): void
  /** How many lines are missing, because they did not fit or the file did not get them. */
  lost(): number
  /** Resolves when all that was told so far has been written, or given up. */
  flush(): Promise<void>
  close(): Promise<void>
}

const FILE_BYTES_MAX = 20 * 1024 * 1024
const LINES_WAITING_MAX = 50_000
/** A disk that hangs must not hang the shutdown. */
const CLOSE_MS_MAX = 5000
const RANK = { error: 0, warn: 1, info: 2, debug: 3 } as const satisfies Record<LogLevel, number>

export function openLog({ dir, level, isStdout, ...limits }: LogSettings): Log {
  const sink = openLogSink({ dir, isStdout, fileBytesMax: limits.fileBytesMax ?? FILE_BYTES_MAX })
  const writer = batchWriter(sink, limits.linesWaitingMax ?? LINES_WAITING_MAX)
  let rankMax: number = RANK[level]
  let closing: Promise<void> | undefined

  async function flushAndClose(): Promise<void> {
    await writer.flush()
    await sink.close()
  }

  const isLeftOut = (level: LogLevel): boolean => RANK[level] > rankMax || closing !== undefined

  return {
    write(level, fields) {
      if (!isLeftOut(level)) writer.push({ timeMs: Date.now(), level, fields })
    },
    writeReady(level, members) {
      if (!isLeftOut(level)) writer.pushReady(Date.now(), level, members)
    },
    setLevel(next) {
      rankMax = RANK[next]
    },
    lost: () => writer.lost(),
    flush: () => writer.flush(),
    close() {
      closing ??= within(CLOSE_MS_MAX, flushAndClose())
      return closing
    },
  }
}

async function within(limitMs: number, work: Promise<void>): Promise<void> {
  const limit = new AbortController()
  const over = setTimeout(limitMs, undefined, { signal: limit.signal })
  await Promise.race([work, over]).finally(() => limit.abort())
}
