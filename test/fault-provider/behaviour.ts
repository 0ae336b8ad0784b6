/**
 * What the fault provider does is asked for in the model's name: `answer?chunks=5&cut=3`. Everything has a default, so
 * `answer` alone is a model that behaves.
 */
export type Behaviour = Readonly<{
  /** Another status than 200, with an error body. */
  status: number
  retryAfter: string | undefined
  /** Keys that end so are refused with 401. */
  badKey: string | undefined
  /** So many calls fail, with 500 or the other status, then so many succeed, and so on. */
  flap: number
  /** A connection serves one call; the next one on it finds it closed. */
  stale: boolean
  /** A fault below HTTP, by its name, and the good pieces of an answer that come before it. */
  raw: string | undefined
  rawAfter: number
  /** Of a redirect. */
  location: string | undefined
  /** Words in the answer, one a chunk. */
  chunks: number
  everyMs: number
  /** Before anything is sent. `hang`: for ever. */
  delayMs: number
  /** Only calls behind so many are delayed or held. */
  late: number
  /** Until somebody lets them go. */
  isHeld: boolean
  /** What comes behind the finish of a stream, its usage and `[DONE]`, waits until somebody lets it go. */
  isRestHeld: boolean
  hang: boolean
  /** Something that is not an answer, with status 200. */
  body: 'answer' | 'html' | 'error' | 'empty' | 'garbage' | 'nothing'
  /** Of the prompt's tokens, so many came from a cache, and so many went into it. */
  cached: number
  cacheWrite: number
  usage: 'own' | 'none' | 'zero' | 'finish' | 'each' | 'first' | 'huge'
  /** After this many chunks: the connection breaks, goes silent, or ends without a finish; an error or a bad line comes. */
  cut: number
  stall: number
  end: number
  error: number
  badLine: number
  /** An event whose data is empty comes before this word: a sign of life, as some providers give it. */
  emptyEvent: number
  /** As many choices as were asked for, a word of each in turn; the first of them finishes after so many. */
  isSeveral: boolean
  firstChunks: number
  finish: string
  done: boolean
  /** The connection stays open behind all that is sent. */
  isLeftOpen: boolean
  tools: boolean
  reasoning: boolean
  crlf: boolean
  /** Bytes are sent one at a time. */
  drip: boolean
  message: string
}>

export function behaviourOf(model: string): Behaviour {
  const query = new URLSearchParams(model.split('?')[1] ?? '')
  const number = (name: string, otherwise: number): number => Number(query.get(name) ?? otherwise)
  const word = <T extends string>(name: string, otherwise: T): T =>
    (query.get(name) ?? otherwise) as T
  return {
    status: number('status', 200),
    retryAfter: query.get('retry_after') ?? undefined,
    badKey: query.get('bad_key') ?? undefined,
    flap: number('flap', 0),
    stale: query.has('stale'),
    raw: query.get('raw') ?? undefined,
    rawAfter: number('raw_after', 0),
    location: query.get('location') ?? undefined,
    chunks: number('chunks', 5),
    everyMs: number('every', 0),
    delayMs: number('delay', 0),
    late: number('late', 0),
    isHeld: query.has('held'),
    isRestHeld: query.has('held_rest'),
    hang: query.has('hang'),
    body: word('body', 'answer'),
    cached: number('cached', 0),
    cacheWrite: number('cache_write', 0),
    usage: word('usage', 'own'),
    cut: number('cut', Infinity),
    stall: number('stall', Infinity),
    end: number('end', Infinity),
    error: number('error', Infinity),
    badLine: number('bad_line', Infinity),
    emptyEvent: number('empty_event', Infinity),
    isSeveral: query.has('several'),
    firstChunks: number('first', Infinity),
    finish: word('finish', 'stop'),
    done: query.get('done') !== 'no',
    isLeftOpen: query.has('left_open'),
    tools: query.has('tools'),
    reasoning: query.has('reasoning'),
    crlf: query.has('crlf'),
    drip: query.has('drip'),
    message: word('message', 'the fault provider was asked to fail'),
  }
}
