import { isObject, type JsonObject } from './chat-request.ts'
import { invalidRequest } from './failure.ts'

/**
 * A body in the shape of OpenAI's Responses API, which some editors send to the address of chats: the same request as a
 * chat has it. The answer is a chat completion, which is what they read.
 */
export function chatBodyFrom(body: JsonObject): JsonObject {
  const { input, instructions, tools, text, reasoning, ...rest } = body
  const { max_output_tokens: cap, tool_choice: choice, ...others } = without(rest, STATEFUL)
  if (isSaid(others['previous_response_id']))
    throw invalidRequest(
      "Answers are not kept here: send the whole conversation in 'messages', or in 'input'.",
      'previous_response_id',
    )
  const format = isObject(text) ? text['format'] : undefined
  return {
    ...without(others, ['previous_response_id']),
    messages: [...instructed(instructions), ...messagesFrom(input)],
    ...(cap !== undefined && { max_completion_tokens: cap }),
    ...(tools !== undefined && { tools: Array.isArray(tools) ? tools.map(nested) : tools }),
    ...(choice !== undefined && { tool_choice: nested(choice) }),
    ...(isObject(format) && { response_format: formatFrom(format) }),
    ...(isObject(text) && said('verbosity', text['verbosity'])),
    ...(isObject(reasoning) && said('reasoning_effort', reasoning['effort'])),
  }
}

export const isResponsesBody = (body: unknown): body is JsonObject =>
  isObject(body) && body['messages'] === undefined && body['input'] !== undefined

/** What a chat has no word for, and what changes nothing of an answer that is not kept. */
const STATEFUL = ['store', 'include', 'truncation', 'background']

const without = (fields: JsonObject, names: readonly string[]): JsonObject =>
  Object.fromEntries(Object.entries(fields).filter(([name]) => !names.includes(name)))

const isSaid = (value: unknown): boolean => value !== undefined && value !== null
const said = (name: string, value: unknown): JsonObject => (isSaid(value) ? { [name]: value } : {})

const instructed = (instructions: unknown): JsonObject[] =>
  isSaid(instructions) ? [{ role: 'system', content: instructions }] : []

function messagesFrom(input: unknown): JsonObject[] {
  if (!Array.isArray(input)) return [{ role: 'user', content: input }]
  const messages: JsonObject[] = []
  for (const [at, item] of input.entries()) {
    if (!isObject(item)) throw strange(at)
    const call = callFrom(item)
    if (call !== undefined) addCall(messages, call)
    else if (item['type'] !== 'reasoning') messages.push(messageFrom(item, at))
  }
  return messages
}

function messageFrom(item: JsonObject, at: number): JsonObject {
  const { type = 'message', role, content, call_id: id, output } = item
  if (type === 'function_call_output' || type === 'custom_tool_call_output')
    return { role: 'tool', tool_call_id: id, content: contentFrom(output) }
  if (type !== 'message' || typeof role !== 'string') throw strange(at)
  return { role, content: contentFrom(content) }
}

/** Of a function, or of a tool that takes any text. */
function callFrom({ type, call_id: id, name, ...own }: JsonObject): JsonObject | undefined {
  if (type === 'function_call')
    return { id, type: 'function', function: { name, arguments: own['arguments'] } }
  return type === 'custom_tool_call'
    ? { id, type: 'custom', custom: { name, input: own['input'] } }
    : undefined
}

/** Several calls of one turn are one message, together with what was said before them. */
function addCall(messages: JsonObject[], call: JsonObject): void {
  const last = messages.at(-1)
  if (last?.['role'] !== 'assistant') {
    messages.push({ role: 'assistant', content: null, tool_calls: [call] })
    return
  }
  const before = Array.isArray(last['tool_calls']) ? (last['tool_calls'] as unknown[]) : []
  messages[messages.length - 1] = { ...last, tool_calls: [...before, call] }
}

/** Text alone is a text, as every provider takes it. */
function contentFrom(content: unknown): unknown {
  if (!Array.isArray(content)) return content
  const parts = content.map(partFrom)
  const texts = parts.map((part) => (isObject(part) ? part['text'] : undefined))
  return texts.every((one) => typeof one === 'string') ? texts.join('') : parts
}

function partFrom(part: unknown): unknown {
  if (!isObject(part)) return part
  const { type, text, image_url: url, detail } = part
  if (type === 'input_text' || type === 'output_text') return { type: 'text', text }
  if (type !== 'input_image') return part
  return { type: 'image_url', image_url: { url, ...said('detail', detail) } }
}

/** A chat's function or custom tool has its name and form one level further in. */
function nested(tool: unknown): unknown {
  if (!isObject(tool)) return tool
  const { type, ...own } = tool
  if (type === 'function' && !isObject(own['function'])) return { type, function: own }
  if (type !== 'custom' || isObject(own['custom'])) return tool
  const { format } = own
  return { type, custom: isObject(format) ? { ...own, format: grammarFrom(format) } : own }
}

const grammarFrom = ({ type, ...grammar }: JsonObject): JsonObject =>
  type === 'grammar' ? { type, grammar } : { type, ...grammar }

function formatFrom({ type, ...own }: JsonObject): JsonObject {
  return type === 'json_schema' ? { type, json_schema: own } : { type, ...own }
}

const strange = (at: number): Error =>
  invalidRequest(
    `'input[${at}]' is no message, function call or output of one. Send 'messages' as chat completions have them.`,
    `input[${at}]`,
  )
