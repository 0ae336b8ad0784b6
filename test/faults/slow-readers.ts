// F59 at full strength: readers who read nothing of an answer that has no end, all at the same time.
import assert from 'node:assert/strict'
import net from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import type { JournalEntry } from '../fault-provider/fault-provider.ts'
import { mib, openBed, type Bed } from '../soak/bed.ts'
import { checkInvariants } from '../support/invariants.ts'
import { ofKind } from '../support/journal.ts'
import { markedChat, raw } from '../support/raw.ts'
import { baseOf, warmBaseOf, type Base } from '../support/returned.ts'

export type Readers = Readonly<{ readers: number; onStep?: ((gone: number) => void) | undefined }>

/**
 * What waits for the reader, 256 KiB at most, the text of what went out before, which may have to be counted, and what the
 * allocator adds: half of this was measured. What is not held back would be 64 MiB.
 */
const BYTES_MAX = 1024 * 1024
/**
 * What all of them together may leave behind: buffers of what waited for each, and those that the engine had not cleared
 * away, which it lets grow to 64 MiB before it looks, and on while it does. They are free in the end, all of them, but the
 * allocator gives nothing back that lies below a piece in use. The next crowd finds room there.
 */
const KEPT_BYTES_EACH = 64 * 1024
const KEPT_BYTES = 128 * 1024 * 1024
/** With few of them it is the engine's own room to move that is seen. */
const BYTES_FEW = 128 * 1024 * 1024
/** As operators have it unless they say otherwise. */
const IDLE_READER_MS = 30_000
const FLOOD = 'answer?raw=endless_words&raw_after=1'

/** Two crowds, one after the other: what the first one leaves behind is bounded, and the second one leaves no more. */
export async function runReaders({ readers, onStep }: Readers): Promise<object> {
  const bed = await openBed({ flood: [FLOOD], unsaid: ['answer?usage=none'] })
  const { gateway, upstream } = bed.house
  const { key } = bed.client
  const fresh = await warmBaseOf(gateway, () =>
    raw({ url: gateway.url, key, body: markedChat('unsaid', { stream: true }) }),
  )
  const full = await crowd(bed, { readers, onStep })
  const growth = full.memoryBytes - fresh.memoryBytes
  const bytesEach = Math.round(growth / readers)
  assert.ok(growth < Math.max(readers * BYTES_MAX, BYTES_FEW), `${bytesEach} bytes a reader`)
  await bed.quiet()
  const base = await baseOf(gateway)
  const kept = base.memoryBytes - 1.2 * fresh.memoryBytes
  const keptMax = readers * KEPT_BYTES_EACH + KEPT_BYTES
  assert.ok(kept <= keptMax, `${mib(kept)} MiB are left behind`)
  await crowd(bed, { readers, onStep: (gone) => onStep?.(gone) })
  const secrets = ['upstream-secret-1', key, gateway.adminKey]
  await checkInvariants({ gateway, upstreams: [upstream], secrets, base }, [])
  const { memoryBytes } = await baseOf(gateway)
  await bed.close()
  return {
    ...{ readers, bytesEach, mibFresh: mib(fresh.memoryBytes), mibFull: mib(full.memoryBytes) },
    ...{ mibBefore: mib(base.memoryBytes), mib: mib(memoryBytes) },
  }
}

/** They ask, get what they get before the gateway waits for them, and are taken for gone; with what it has in between. */
async function crowd({ house, client }: Bed, { readers, onStep }: Readers): Promise<Base> {
  const { gateway, upstream } = house
  const before = floods(upstream.journal).length
  const sockets = Array.from({ length: readers }, () => reader(house, client.key))
  await upstream.until((journal) => floods(journal).length === before + readers)
  await pause(IDLE_READER_MS / 3)
  const full = await baseOf(gateway)
  await untilGone(house, { count: before + readers, onStep })
  for (const socket of sockets) socket.destroy()
  return full
}

const floods = (journal: readonly JournalEntry[]): readonly JournalEntry[] =>
  journal.filter(({ model }) => model === FLOOD)

/** Asks, and never looks at what comes. */
function reader({ gateway }: Bed['house'], key: string): net.Socket {
  const body = markedChat('flood', { stream: true })
  const socket = net.connect(Number(new URL(gateway.url).port), '127.0.0.1').pause()
  socket.on('error', () => undefined) // it is cut off, as it should be
  socket.write(
    [
      'POST /v1/chat/completions HTTP/1.1',
      ...['host: x', `authorization: Bearer ${key}`, `content-length: ${body.length}`],
      ...['', body],
    ].join('\r\n'),
  )
  return socket
}

type Awaited = Readonly<{ count: number; onStep: Readers['onStep'] }>

async function untilGone({ gateway }: Bed['house'], { count, onStep }: Awaited): Promise<void> {
  const deadline = performance.now() + 4 * IDLE_READER_MS
  for (;;) {
    const ended = ofKind(gateway.dir, 'settle').filter(({ model }) => model === 'flood')
    onStep?.(ended.length)
    if (ended.length === count) {
      const others = ended.filter(({ outcome }) => outcome !== 'aborted')
      assert.deepEqual(others, [], 'readers who do not read are taken for gone')
      return
    }
    assert.ok(performance.now() < deadline, `${ended.length} of ${count} were taken for gone`)
    await pause(500)
  }
}
