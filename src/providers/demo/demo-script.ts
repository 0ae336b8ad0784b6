import { textUsage } from '../../domain/usage.ts'
import type { AnswerEnd, ProviderCall } from '../../ports/provider.ts'
import { demoAnswer, promptWords, type DemoAnswer } from './demo-answer.ts'

/** All that a call will say: the steps of its stream, if it is one, and its end. */
export type DemoScript = Readonly<{ steps: readonly DemoStep[]; end: AnswerEnd }>

/** Events that go out together, one for each choice. */
type DemoStep = Readonly<{
  frames: Uint8Array
  isVisible: boolean
  /** What the model wrote in them, of all choices. */
  text: string
}>

type Fields = Readonly<Record<string, unknown>>
type Turn = Readonly<{ delta: Fields; text: string; finish?: DemoAnswer['finish'] }>

export function demoScript(call: ProviderCall, nowMs: number): DemoScript {
  const { request } = call
  const answer = demoAnswer(request, call.cap)
  const tokens = {
    input: promptWords(request),
    output: (answer.kind === 'tool' ? 1 : answer.words.length) * request.choices,
  }
  const usage = {
    prompt_tokens: tokens.input,
    completion_tokens: tokens.output,
    total_tokens: tokens.input + tokens.output,
  }
  const head = {
    id: `chatcmpl-${call.requestId}`,
    object: request.stream ? 'chat.completion.chunk' : 'chat.completion',
    created: Math.floor(nowMs / 1000),
    model: request.model,
  }
  const end = {
    kind: 'finished',
    usage: textUsage(tokens.input, tokens.output),
    serviceTier: undefined,
    usageChunk: request.stream ? { ...head, choices: [], usage } : undefined,
    body: request.stream ? undefined : json({ ...head, choices: choicesOf(answer, call), usage }),
  } as const
  const chunk = request.showUsage ? { ...head, usage: null } : head
  return { steps: request.stream ? stepsOf(answer, call, chunk) : [], end }
}

const json = (value: Fields): Uint8Array => Buffer.from(JSON.stringify(value))

function choicesOf(answer: DemoAnswer, call: ProviderCall): readonly Fields[] {
  return indexes(call).map((index) => ({
    index,
    message: { role: 'assistant', refusal: null, ...messageOf(answer, toolCallId(call, index)) },
    logprobs: null,
    finish_reason: answer.finish,
  }))
}

function messageOf(answer: DemoAnswer, id: string): Fields {
  if (answer.kind === 'text') return { content: answer.words.join('') }
  const toolCall = { id, type: 'function', function: { name: answer.name, arguments: '{}' } }
  return { content: null, tool_calls: [toolCall] }
}

function stepsOf(answer: DemoAnswer, call: ProviderCall, chunk: Fields): readonly DemoStep[] {
  const turnsByChoice = indexes(call).map((index) => turnsOf(answer, toolCallId(call, index)))
  const [first = []] = turnsByChoice
  return first.map(({ text }, step) => {
    const events = turnsByChoice.map((turns, index) => eventOf(chunk, index, turns[step]))
    return {
      frames: Buffer.from(events.join('')),
      isVisible: step > 0,
      text: text.repeat(call.request.choices),
    }
  })
}

/** The role, which is no token yet, then the words or the tool call, then the finish. */
function turnsOf(answer: DemoAnswer, id: string): readonly Turn[] {
  const content = answer.kind === 'text' ? '' : null
  return [
    { delta: { role: 'assistant', content }, text: '' },
    ...(answer.kind === 'text' ? wordTurns(answer.words) : toolTurns(answer.name, id)),
    { delta: {}, text: '', finish: answer.finish },
  ]
}

const wordTurns = (words: readonly string[]): readonly Turn[] =>
  words.map((word) => ({ delta: { content: word }, text: word }))

function toolTurns(name: string, id: string): readonly Turn[] {
  const opening = { index: 0, id, type: 'function', function: { name, arguments: '' } }
  const rest = { index: 0, function: { arguments: '{}' } }
  return [
    { delta: { tool_calls: [opening] }, text: name },
    { delta: { tool_calls: [rest] }, text: '{}' },
  ]
}

function eventOf(chunk: Fields, index: number, turn: Turn | undefined): string {
  const choice = { index, delta: turn?.delta, finish_reason: turn?.finish ?? null }
  return `data: ${JSON.stringify({ ...chunk, choices: [choice] })}\n\n`
}

const indexes = ({ request }: ProviderCall): readonly number[] => [...Array(request.choices).keys()]

const toolCallId = ({ requestId }: ProviderCall, index: number): string =>
  `call_${requestId}_${index}`
