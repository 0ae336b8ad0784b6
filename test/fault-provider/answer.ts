import type { ServerResponse } from 'node:http'
import type { Behaviour } from './behaviour.ts'
import type { JournalEntry } from './fault-provider.ts'

type Chunk = Readonly<Record<string, unknown>>

const wordAt = (index: number): string => (index === 0 ? 'word0' : ` word${index}`)

export const textOf = (chunks: number): string =>
  Array.from({ length: chunks }, (_, at) => wordAt(at)).join('')

const usageOf = (
  { prompt, completion }: JournalEntry['usage'],
  { cached, cacheWrite }: Behaviour,
) => ({
  prompt_tokens: prompt,
  completion_tokens: completion,
  total_tokens: prompt + completion,
  ...(cached + cacheWrite > 0 && {
    prompt_tokens_details: { cached_tokens: cached, cache_write_tokens: cacheWrite },
  }),
})

/** Instead of what was used. */
const REPORTED: Readonly<Record<string, JournalEntry['usage']>> = {
  zero: { prompt: 0, completion: 0 },
  huge: { prompt: 1_000_000_000, completion: 0 },
}

export function sendWhole(res: ServerResponse, behaviour: Behaviour, entry: JournalEntry): void {
  const { chunks, usage, finish, tools } = behaviour
  entry.usage.completion = chunks
  const reported = REPORTED[usage] ?? entry.usage
  const message = tools
    ? {
        role: 'assistant',
        content: null,
        tool_calls: [{ ...TOOL_CALL, function: { name: 'look', arguments: '{"at":"sky"}' } }],
      }
    : { role: 'assistant', content: textOf(chunks) }
  const answer = {
    ...{ id: entry.id, object: 'chat.completion', created: 1_700_000_000, model: entry.model },
    choices: [{ index: 0, message, finish_reason: tools ? 'tool_calls' : finish, logprobs: null }],
    ...(usage !== 'none' && { usage: usageOf(reported, behaviour) }),
  }
  entry.ended = 'finished'
  res.writeHead(200, { 'content-type': 'application/json' })
  res.end(JSON.stringify(answer))
}

const TOOL_CALL = { index: 0, id: 'call_1', type: 'function' } as const

type Streaming = JournalEntry & {
  includeUsage: boolean
  onWord: () => void
  hold: () => Promise<void>
}

export async function sendStream(
  res: ServerResponse,
  behaviour: Behaviour,
  entry: Streaming,
): Promise<void> {
  const { chunks, everyMs, isSeveral } = behaviour
  res.writeHead(200, { 'content-type': 'text/event-stream' })
  const send = (chunk: Chunk) => sendEvent(res, JSON.stringify(chunk), behaviour)
  const chunkOf = chunksOf(behaviour, entry)
  const indexes = Array.from(
    { length: isSeveral ? Number(entry.body['n'] ?? 1) : 1 },
    (_, at) => at,
  )
  for (const index of indexes) await send(chunkOf(index, { role: 'assistant', content: '' }))
  for (let at = wordsBefore(entry.body); at < chunks; at++) {
    if (at === behaviour.firstChunks) await send(chunkOf(0, {}, behaviour.finish))
    if (await breaksAt(at, res, behaviour)) return
    for (const index of indexes) {
      if (index === 0 && at >= behaviour.firstChunks) continue
      await send(chunkOf(index, deltaAt(at, behaviour)))
      entry.usage.completion++
    }
    entry.onWord()
    if (everyMs > 0) await new Promise((resolve) => setTimeout(resolve, everyMs))
    if (res.destroyed) return
  }
  if (await breaksAt(chunks, res, behaviour)) return
  const reason = behaviour.tools ? 'tool_calls' : behaviour.finish
  const open = indexes.filter((index) => index > 0 || behaviour.firstChunks >= chunks)
  for (const index of open) {
    const withUsage = behaviour.usage === 'finish' && index === open.at(-1)
    await send({
      ...chunkOf(index, {}, reason),
      ...(withUsage && { usage: usageOf(entry.usage, behaviour) }),
    })
  }
  await sendRest(res, behaviour, entry)
}

/** What comes behind the finish. */
async function sendRest(
  res: ServerResponse,
  behaviour: Behaviour,
  entry: Streaming,
): Promise<void> {
  const { usage, done } = behaviour
  if (behaviour.isRestHeld) await entry.hold()
  if (res.destroyed) return
  entry.ended = 'finished'
  if (entry.includeUsage && (usage === 'own' || usage === 'zero')) {
    const reported = usage === 'zero' ? { prompt: 0, completion: 0 } : entry.usage
    const chunk = {
      ...chunksOf(behaviour, entry)(0, {}),
      ...{ choices: [], usage: usageOf(reported, behaviour) },
    }
    await sendEvent(res, JSON.stringify(chunk), behaviour)
  }
  if (done) await sendEvent(res, '[DONE]', behaviour)
  if (!behaviour.isLeftOpen) res.end()
}

const chunksOf =
  (behaviour: Behaviour, { id, model, usage }: JournalEntry) =>
  (index: number, delta: Chunk, reason: string | null = null): Chunk => ({
    ...{ id, object: 'chat.completion.chunk', created: 1_700_000_000, model },
    choices: [{ index, delta, finish_reason: reason }],
    ...((behaviour.usage === 'each' || (behaviour.usage === 'first' && usage.completion === 0)) && {
      usage: usageOf(usage, behaviour),
    }),
  })

/** Words of an answer that broke off elsewhere, and that this one is asked to go on with. */
function wordsBefore({ messages }: JournalEntry['body']): number {
  const said = (messages as { role: string; content: string }[]).findLast(
    ({ role }) => role === 'assistant',
  )
  return said?.content.match(/word\d+/g)?.length ?? 0
}

function deltaAt(at: number, { tools, reasoning, chunks }: Behaviour): Chunk {
  if (reasoning && at < chunks / 2) return { reasoning_content: wordAt(at) }
  if (!tools) return { content: wordAt(at) }
  if (at === 0) return { tool_calls: [{ ...TOOL_CALL, function: { name: 'look', arguments: '' } }] }
  return {
    tool_calls: [
      { index: 0, function: { arguments: at === 1 ? '{"at":"sky"' : at === 2 ? '}' : ' ' } },
    ],
  }
}

async function breaksAt(at: number, res: ServerResponse, behaviour: Behaviour): Promise<boolean> {
  if (at === behaviour.cut) res.destroy()
  else if (at === behaviour.end) res.end()
  else if (at === behaviour.error) {
    await sendEvent(
      res,
      JSON.stringify({ error: { message: behaviour.message, code: 500 } }),
      behaviour,
    )
    res.end()
  } else if (at === behaviour.badLine) await sendEvent(res, '{"choices":[{"delta":', behaviour)
  else if (at === behaviour.emptyEvent) await sendEvent(res, '', behaviour)
  return (
    at === behaviour.cut || at === behaviour.end || at === behaviour.error || at === behaviour.stall
  )
}

async function sendEvent(
  res: ServerResponse,
  payload: string,
  { crlf, drip }: Behaviour,
): Promise<void> {
  const lineEnd = crlf ? '\r\n' : '\n'
  const event = Buffer.from(`data: ${payload}${lineEnd}${lineEnd}`)
  if (!drip) {
    // Handed to the kernel before anything else happens: a connection that is cut has delivered it.
    await new Promise((resolve) => res.write(event, resolve))
    return
  }
  for (const byte of event) {
    res.write(Buffer.of(byte))
    await new Promise((resolve) => setImmediate(resolve))
  }
}
