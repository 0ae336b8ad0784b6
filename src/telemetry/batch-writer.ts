/**
 * Between the callers and the sink: collects lines for a moment, formats and writes them a batch at a time, one batch
 * after the other. What does not fit into the queue is lost and counted; what the file did not get is counted, too.
 */
import { setImmediate } from 'node:timers/promises'
import { lineQueue, type LineQueue } from './line-queue.ts'
import type { LogSink } from './log-sink.ts'
import { lineText, readyText, type LogEntry, type LogLevel, type ReadyMembers } from './log-text.ts'
import { bytesOf, ReadyLines, type ReadyLine } from './ready-lines.ts'

export interface BatchWriter {
  push(entry: LogEntry): void
  /** A line that is written down at once. */
  pushReady(timeMs: number, level: LogLevel, members: ReadyMembers): void
  /** Resolves when all that was pushed so far has been written, or given up. */
  flush(): Promise<void>
  /** How many lines were given up so far. */
  lost(): number
}

/**
 * A fraction of a millisecond of formatting keeps the event loop from the requests no longer than they keep each other.
 * Winston and the disk cost a batch as much as a hundred lines do, so under load it goes out when it is full.
 */
const BATCH_LINES_MAX = 256
const BATCH_AFTER_MS = 100

export function batchWriter(sink: LogSink, linesWaitingMax: number): BatchWriter {
  const queue = lineQueue<LogEntry | ReadyLine>(linesWaitingMax)
  const ready = new ReadyLines()
  let lost = 0
  const writeBatch = batchOutput({ queue, ready, sink }, (lines) => (lost += lines))
  let timer: NodeJS.Timeout | undefined
  let draining: Promise<void> | undefined
  let pushed = 0
  let ended = 0

  const armed = (): NodeJS.Timeout => setTimeout(() => void drained(), BATCH_AFTER_MS).unref()

  /** One drain at a time, whoever asks. */
  function drained(): Promise<void> {
    clearTimeout(timer)
    draining ??= drain()
    return draining
  }

  async function drain(): Promise<void> {
    do {
      await setImmediate()
      ended += await writeBatch()
    } while (queue.size() >= BATCH_LINES_MAX)
    draining = undefined
    timer = queue.size() > 0 ? armed() : undefined
  }

  function push(line: LogEntry | ReadyLine): void {
    queue.push(line)
    pushed++
    if (queue.size() >= BATCH_LINES_MAX) void drained()
    else timer ??= armed()
  }

  return {
    push,
    pushReady: (timeMs, level, members) => {
      push(ready.add(readyText(timeMs, level, members)))
    },
    lost: () => lost,
    async flush() {
      const end = pushed
      while (ended < end) await drained()
    },
  }
}

type Output = Readonly<{
  queue: LineQueue<LogEntry | ReadyLine>
  ready: ReadyLines
  sink: LogSink
}>

/** Writes the next batch; resolves with how many lines are done with, written or lost. */
function batchOutput(
  { queue, ready, sink }: Output,
  onLost: (lines: number) => void,
): () => Promise<number> {
  let unwritten = 0
  const written = (lines: readonly (LogEntry | ReadyLine)[]): Promise<boolean> =>
    sink.write(bytesOf(lines.map((line) => ('block' in line ? line : ready.add(lineText(line))))))
  return async () => {
    const dropped = queue.takeDropped()
    const entries = queue.take(BATCH_LINES_MAX)
    const gap = dropped === 0 ? [] : [gapEntry('The log could not keep up', dropped)]
    const isWritten = await written([...gap, ...entries])
    onLost(isWritten ? dropped : dropped + entries.length)
    if (!isWritten) unwritten += entries.length
    else if (unwritten > 0) {
      await written([gapEntry('The log file could not be written', unwritten)])
      unwritten = 0
    }
    return dropped + entries.length
  }
}

const gapEntry = (why: string, lines: number): LogEntry => ({
  timeMs: Date.now(),
  level: 'warn',
  fields: { event: 'log_gap', message: `${why}: ${lines} lines are missing.`, lines },
})
