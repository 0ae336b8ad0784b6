import { chat, raw, type RawAnswer } from '../support/raw.ts'
import type { Chance } from './seeded.ts'

/** What a caller knows of a request when all is over: what it was told, or that it was told nothing. */
export type Heard =
  | { kind: 'ok'; requestId: string; answerId: string; cost: bigint; words: number }
  | { kind: 'fail'; requestId: string; status: number; words: number }
  | { kind: 'unknown'; words: number }

/** The upstream's behaviour by model; what each of them is for stands in its name. */
export const MODELS = {
  words: ['answer?chunks=5'],
  stream: ['answer?chunks=10&every=3'],
  slow: ['answer?delay=120'],
  refused: ['answer?status=400'],
  cut: ['answer?chunks=6&cut=3'],
} as const

const MIX = ['words', 'words', 'stream', 'stream', 'slow', 'cut', 'refused'] as const
const STREAMED: ReadonlySet<string> = new Set(['stream', 'cut'])

export type Callers = Readonly<{
  /** Resolves when so many requests have been answered. */
  answered: (count: number) => Promise<void>
  /** Resolves when the last worker has seen its connection break. */
  history: Promise<readonly Heard[]>
}>

type Target = Readonly<{ url: string; key: string; workers: number; chance: Chance }>

/** Callers who ask one question after the other until the gateway is gone. */
export function startCallers({ url, key, workers, chance }: Target): Callers {
  const history: Heard[] = []
  const waiting: { count: number; resolve: () => void }[] = []
  const note = (heard: Heard): void => {
    history.push(heard)
    for (const { count, resolve } of waiting) if (history.length >= count) resolve()
  }
  const worker = async (): Promise<void> => {
    for (;;) {
      const model = chance.pick(MIX)
      const words = chance.below(200)
      const stream = STREAMED.has(model) && {
        stream: true,
        stream_options: { include_usage: true },
      }
      const messages = [{ role: 'user', content: 'word '.repeat(words) + 'end' }]
      const body = chat(model, { messages, ...stream })
      const answer = await raw({ url, key, body }).catch(() => undefined)
      const heard = heardIn(answer, words)
      note(heard)
      if (heard.kind === 'unknown') return
    }
  }
  return {
    answered: (count) =>
      new Promise((resolve) => {
        if (history.length >= count) resolve()
        else waiting.push({ count, resolve })
      }),
    history: Promise.all(Array.from({ length: workers }, worker)).then(() => history),
  }
}

/** An answer counts when its end came: for a stream that is its usage, with the cost in it, and `[DONE]`. */
function heardIn(answer: RawAnswer | undefined, words: number): Heard {
  if (answer === undefined) return { kind: 'unknown', words }
  const { status, body, headers } = answer
  const requestId = String(headers['x-request-id'])
  const told = { requestId, words }
  if (status !== 200) return { kind: 'fail', status, ...told }
  const isStream = String(headers['content-type']).startsWith('text/event-stream')
  const cost = isStream ? /"cost":"?([0-9.]+)/.exec(body)?.[1] : headers['x-tollgate-cost']
  const isWhole = !isStream || body.endsWith('data: [DONE]\n\n')
  const answerId = /"id":"(chatcmpl-[0-9]+)"/.exec(body)?.[1]
  if (isWhole && typeof cost === 'string' && answerId !== undefined)
    return { kind: 'ok', answerId, cost: BigInt(Math.round(Number(cost) * 1e6)), ...told }
  if (isStream && body.includes('"error"')) return { kind: 'fail', status, ...told }
  throw new Error(`an answer that is neither whole nor a failure: ${body.slice(0, 500)}`)
}
