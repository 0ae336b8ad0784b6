import assert from 'node:assert/strict'
import http, { type IncomingMessage } from 'node:http'
import { chat } from '../support/raw.ts'
import { mib, MIB, openBed, type Bed } from './bed.ts'
import { many, type Part } from './part.ts'

/** First bytes come as late as those of a real provider: among those of a millisecond any jitter looks like trouble. */
const MODELS = {
  quiet: ['answer?delay=800&chunks=30&every=3000'],
  words: ['answer?delay=800&chunks=5'],
} as const
const AT_ONCE = 64
/** What a stream on which little happens may cost. */
const BYTES_MAX = 64 * 1024

/** Streams that go on for long, a word every few seconds, all at the same time; each comes to its end. */
export const slow: Part = async ({ scale, onStep }) => {
  const bed = await openBed(MODELS)
  await many({ count: 128, atOnce: AT_ONCE }, async () => {
    await (
      await begin(bed, 'words')
    ).ended
  })
  const base = await bed.quiet()
  const streams: Promise<string>[] = []
  await many({ count: scale.slow, atOnce: AT_ONCE, onStep }, async () => {
    streams.push((await begin(bed, 'quiet')).ended)
  })
  const running = bed.house.upstream.journal.filter(({ ended }) => ended === 'running').length
  const full = bed.vitals()
  const growth = full.rssBytes - base.rssBytes
  const bytesEach = Math.round(growth / scale.slow)
  assert.ok(growth < Math.max(scale.slow * BYTES_MAX, 64 * MIB), `${bytesEach} bytes a stream`)
  const ends = await Promise.all(streams)
  const whole = ends.filter((text) => text.endsWith('data: [DONE]\n\n')).length
  assert.equal(whole, scale.slow, 'a stream did not come to its end')
  const { sockets, rssBytes } = await bed.restored(base)
  await bed.close()
  return {
    ...{ slow: scale.slow, atOnce: running, bytesEach, sockets, socketsBefore: base.sockets },
    ...{ mibBefore: mib(base.rssBytes), mibFull: mib(full.rssBytes), mib: mib(rssBytes) },
  }
}

/** A stream that has begun; one that is refused for the moment is asked for again. */
async function begin(bed: Bed, model: string): Promise<{ ended: Promise<string> }> {
  for (;;) {
    const answer = await asked(bed, model)
    const ended = textOf(answer)
    if (answer.statusCode === 200) return { ended }
    assert.ok([429, 503].includes(answer.statusCode ?? 0), `${answer.statusCode}: ${await ended}`)
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
}

function asked({ house, client }: Bed, model: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request = http.request(`${house.gateway.url}/v1/chat/completions`, {
      ...{ method: 'POST', agent: false },
      headers: { 'content-type': 'application/json', authorization: `Bearer ${client.key}` },
    })
    request.on('response', resolve)
    request.on('error', reject)
    request.end(chat(model, { stream: true }))
  })
}

function textOf(answer: IncomingMessage): Promise<string> {
  return new Promise((resolve) => {
    let text = ''
    answer.setEncoding('utf8')
    answer.on('data', (piece: string) => (text = (text + piece).slice(-2_000)))
    answer.on('error', () => undefined) // the text tells
    answer.on('close', () => {
      resolve(text)
    })
  })
}
