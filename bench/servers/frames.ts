/** What the upstream says, ready made, so that its own work stays out of the way. */
const words = (
  'A token bucket lets short bursts through and holds the average rate: it fills at a ' +
  'steady pace, and each request takes a token out or waits for the next one to arrive. '
).split(/(?<= )/)

const usage = { prompt_tokens: 41, completion_tokens: 47, total_tokens: 88 }
const stamp = {
  id: 'chatcmpl-Bq7VY2mN0dXkPzRt4sLwAe91',
  created: 1_764_000_000,
  model: 'bench-model',
}

export const wholeAnswer = Buffer.from(
  JSON.stringify({
    ...stamp,
    object: 'chat.completion',
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: words.join(''), refusal: null, annotations: [] },
        logprobs: null,
        finish_reason: 'stop',
      },
    ],
    usage,
    service_tier: 'default',
    system_fingerprint: 'fp_44add3b0',
  }),
)

export const doneFrame = Buffer.from('data: [DONE]\n\n')

/** `chunks` frames in all: the role, the words, the finish and the usage. */
export function streamFrames(chunks: number): readonly Buffer[] {
  const contents = Array.from({ length: chunks - 3 }, (_, index) => words[index % words.length])
  return [
    frame([choice({ role: 'assistant', content: '', refusal: null })]),
    ...contents.map((content) => frame([choice({ content })])),
    frame([{ ...choice({}), finish_reason: 'stop' }]),
    frame([], usage),
  ]
}

/** The opening of a stream that then falls silent: the role and some words. */
export function openingFrames(chunks: number): readonly Buffer[] {
  return streamFrames(chunks + 2).slice(0, chunks)
}

function choice(delta: object): object {
  return { index: 0, delta, logprobs: null, finish_reason: null }
}

function frame(choices: readonly object[], usageOrNull: object | null = null): Buffer {
  const chunk = {
    ...stamp,
    object: 'chat.completion.chunk',
    choices,
    usage: usageOrNull,
  }
  return Buffer.from(`data: ${JSON.stringify(chunk)}\n\n`)
}
