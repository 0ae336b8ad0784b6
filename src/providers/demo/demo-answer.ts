import { isObject, type ChatRequest, type JsonObject } from '../../domain/chat-request.ts'
import { promptText } from '../../domain/prompt-text.ts'

/** What the demo says, the same for each choice. In words, each of which counts as a token, or as a tool call. */
export type DemoAnswer =
  | Readonly<{ kind: 'text'; words: readonly string[]; finish: 'stop' | 'length' }>
  | Readonly<{ kind: 'tool'; name: string; finish: 'tool_calls' }>

const ECHO_CHARS_MAX = 80

export function demoAnswer({ body }: ChatRequest, cap: number): DemoAnswer {
  const name = forcedTool(body)
  if (name !== undefined) return { kind: 'tool', name, finish: 'tool_calls' }
  const words = demoText(echo(body['messages'])).split(/(?= )/)
  const isCut = words.length > cap
  return { kind: 'text', words: words.slice(0, cap), finish: isCut ? 'length' : 'stop' }
}

/** Honest about what was counted: words, and at least one. */
export const promptWords = (request: ChatRequest): number =>
  Math.max(1, promptText(request).match(/\S+/g)?.length ?? 0)

const demoText = (said: string): string =>
  [
    'This is the built-in demo of Tollgate: no language model is behind it.',
    said === '' ? 'You wrote nothing.' : `You wrote: "${said}".`,
    'Put a provider key, such as OPENAI_API_KEY, into .env and start again to get real answers.',
  ].join(' ')

/** The beginning of the last thing the user said, on one line. */
function echo(messages: unknown): string {
  const list: unknown[] = Array.isArray(messages) ? messages : []
  const last = list.filter(isObject).findLast(({ role }) => role === 'user')
  const start = textOf(last?.['content']).slice(0, 10 * ECHO_CHARS_MAX)
  // Whole characters: half a surrogate pair is not valid in an answer.
  const characters = Array.from(start.replace(/\s+/g, ' ').trim())
  const shown = characters.slice(0, ECHO_CHARS_MAX).join('')
  return characters.length > ECHO_CHARS_MAX ? `${shown.trimEnd()}…` : shown
}

function textOf(content: unknown): string {
  if (typeof content === 'string') return content
  if (!Array.isArray(content)) return ''
  return content
    .filter(isObject)
    .map(({ text }) => (typeof text === 'string' ? text : ''))
    .join(' ')
}

/** The function that must be called, if any: the named one, or the first where any will do. */
function forcedTool(body: JsonObject): string | undefined {
  const names = toolNames(body['tools'])
  const choice = body['tool_choice']
  if (choice === 'required') return names[0]
  const wanted = functionName(choice)
  return names.find((name) => name === wanted)
}

const toolNames = (tools: unknown): string[] =>
  (Array.isArray(tools) ? tools : []).flatMap((tool: unknown) => functionName(tool) ?? [])

function functionName(value: unknown): string | undefined {
  const described = isObject(value) ? value['function'] : undefined
  const name = isObject(described) ? described['name'] : undefined
  return typeof name === 'string' ? name : undefined
}
