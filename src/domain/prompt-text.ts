import { isObject, type ChatRequest, type JsonObject } from './chat-request.ts'

/** What a model does not read of a message, or not as text. */
const UNREAD = new Set(['role', 'tool_call_id', 'audio', 'cache_control'])

/** What it reads of a request besides its messages. */
const READ_TOO = ['tools', 'functions', 'response_format', 'prediction', 'documents']

/** The prompt as text, for counting its tokens when the provider did not. */
export function promptText({ body }: ChatRequest): string {
  const texts: string[] = []
  const list = Array.isArray(body['messages']) ? (body['messages'] as JsonObject[]) : []
  for (const message of list) {
    for (const [name, value] of Object.entries(message)) {
      if (name === 'content') addContent(value, texts)
      else if (!UNREAD.has(name)) addText(value, texts)
    }
  }
  for (const name of READ_TOO) addText(body[name], texts)
  return texts.join('\n')
}

/** Of its parts those that are text. */
function addContent(content: unknown, texts: string[]): void {
  if (!Array.isArray(content)) return addText(content, texts)
  for (const part of content)
    if (isObject(part)) addText(part['text'] ?? part['refusal'] ?? part['thinking'], texts)
}

function addText(value: unknown, texts: string[]): void {
  if (typeof value === 'string') texts.push(value)
  else if (typeof value === 'object' && value !== null) texts.push(JSON.stringify(value))
}
