import { parseChatRequest } from '../domain/chat-request.ts'
import { textSize } from '../domain/estimate.ts'
import { Failure, invalidRequest } from '../domain/failure.ts'
import { chatBodyFrom, isResponsesBody } from '../domain/responses-body.ts'
import type { ReadBody } from '../gateway/house.ts'
import type { IncomingBody } from './incoming-body.ts'

/** Reads and checks a chat completion from the wire. */
export function readChatRequest(
  type: string | undefined,
  incoming: IncomingBody,
): ReadBody | Promise<ReadBody> {
  if (!isJson(type)) throw noJson()
  const bytes = incoming.read()
  return bytes instanceof Promise ? bytes.then(readBody) : readBody(bytes)
}

function readBody(bytes: Buffer): ReadBody {
  const text = bytes.toString()
  const sent = parsed(text)
  const request = isResponsesBody(sent)
    ? parseChatRequest(chatBodyFrom(sent))
    : parseChatRequest(sent, text)
  return { request, size: textSize(text, bytes.byteLength) }
}

/** Clients that forget the type are forgiven; those that say something else are told. */
const isJson = (type: string | undefined): boolean =>
  type === undefined ||
  type === 'application/json' ||
  /^application\/(?:[a-z.+-]*\+)?json\b/i.test(type)

const noJson = (): Failure =>
  new Failure(
    'unsupported_media_type',
    'Send the body as JSON, with content-type: application/json.',
  )

function parsed(text: string): unknown {
  if (text.includes('"__proto__"') && /"__proto__"\s*:/.test(text)) {
    throw invalidRequest("The field '__proto__' is not accepted. Remove it.", '__proto__')
  }
  try {
    return JSON.parse(text)
  } catch {
    throw invalidRequest(
      'The body is not valid JSON. Check its quotes, commas and encoding (UTF-8).',
    )
  }
}
