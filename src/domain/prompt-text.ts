import { isObject, type ChatRequest, type JsonObject } from './chat-request.ts'

/** The prompt as text, for counting its tokens when the provider did not. */
export function promptText(request: ChatRequest): string {
  const texts: string[] = []
  const list = request.body['messages']
  for (const message of Array.isArray(list) ? (list as JsonObject[]) : []) {
    texts.push(...textsOf(message['content']))
    if (message['tool_calls'] !== undefined) texts.push(JSON.stringify(message['tool_calls']))
  }
  for (const name of ['tools', 'functions', 'response_format']) {
    if (request.body[name] !== undefined) texts.push(JSON.stringify(request.body[name]))
  }
  return texts.join('\n')
}

function textsOf(content: unknown): string[] {
  if (typeof content === 'string') return [content]
  if (!Array.isArray(content)) return []
  return content.filter(isObject).flatMap((part) => {
    const text = part['text'] ?? part['refusal']
    return typeof text === 'string' ? [text] : []
  })
}
