import { isObject, type ChatRequest } from './chat-request.ts'

/**
 * Whether nothing that was sent says how long the prompt is: files and films are fetched by the provider, or come packed,
 * and a kind of part that is not known may be anything.
 */
export function isUnbounded({ body }: ChatRequest): boolean {
  const { messages } = body
  return Array.isArray(messages) && messages.some(isUnboundedMessage)
}

function isUnboundedMessage(message: unknown): boolean {
  if (!isObject(message)) return false
  const { content, audio } = message
  if (isObject(audio)) return true // an answer that was spoken before, by its name
  if (typeof content !== 'object' || content === null) return false
  return !Array.isArray(content) || !content.every(isBoundedPart)
}

/** What they are is in the body. */
const TEXTS = new Set<unknown>(['text', 'input_text', 'output_text', 'refusal', 'thinking'])

function isBoundedPart(part: unknown): boolean {
  if (!isObject(part)) return true
  const { type, input_audio: audio, image_url: image } = part
  if (type === 'image_url' || type === 'input_image') return isImage(image)
  if (type === 'input_audio') return isObject(audio) && typeof audio['data'] === 'string'
  return TEXTS.has(type)
}

/** It has a maximum of its own; but some providers take whatever stands in its place. */
function isImage(image: unknown): boolean {
  const url = isObject(image) ? image['url'] : image
  return typeof url !== 'string' || !/^data:/i.test(url) || /^data:image\//i.test(url)
}
