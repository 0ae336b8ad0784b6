import { checkName, isOtherSpelling } from './field-names.ts'
import { invalidRequest } from './failure.ts'
import type { PromptMedia } from './estimate.ts'

export type JsonObject = Readonly<Record<string, unknown>>

/** A chat completion as asked for: what the gateway itself must know, and the whole body to pass on. */
export type ChatRequest = Readonly<{
  model: string
  stream: boolean
  /** The caller wants the usage chunk at the end of the stream. */
  showUsage: boolean
  /** How many answers (`n`). */
  choices: number
  /** The caller's own output cap, per answer. */
  cap: number | undefined
  serviceTier: string | undefined
  media: PromptMedia
  /** Length of the inlined media in the body's text: it is not counted as text. */
  mediaChars: number
  body: JsonObject
  /** The body as it was sent, where it is the caller's own. */
  text: string | undefined
}>

export const CHOICES_MAX = 128
export const CAP_MAX = 2 ** 31 - 1
/** More than fits any context, and enough to keep a provider busy for seconds. */
export const ITEMS_MAX = 100_000
export const STOPS_MAX = 256
export const BIASES_MAX = 10_000

/** Those of OpenAI, and behind them those of single models. */
export const ROLES = [
  ...['system', 'developer', 'user', 'assistant', 'tool', 'function'],
  ...['context', 'control', 'document', 'ipython', 'latest_reminder', 'model', 'observation'],
] as const
const KNOWN_ROLES: ReadonlySet<string> = new Set(ROLES)

/** Reads a chat completion body, and keeps its text; throws the refusal that names the field and what to do. */
export function parseChatRequest(body: unknown, text?: string): ChatRequest {
  if (!isObject(body)) throw invalidRequest('The body must be a JSON object.')
  let inexact: string | undefined
  for (const name of Object.keys(body)) {
    checkName(name)
    const value = body[name]
    checkSize(name, value)
    if (typeof value === 'number' && !isExact(value)) inexact = name
  }
  const stream = flag(body['stream'], 'stream')
  const { media, mediaChars } = mediaOf(messages(body['messages']))
  const request = {
    model: modelName(body['model']),
    stream,
    showUsage: stream && showsUsage(body['stream_options']),
    choices: integer(body['n'], { name: 'n', least: 1, most: CHOICES_MAX }) ?? 1,
    cap: outputCap(body),
    serviceTier: optionalText(body['service_tier'], 'service_tier'),
    media,
    mediaChars,
    body,
    text,
  }
  if (inexact !== undefined) throw inexactField(inexact)
  checkTools(body['tools'])
  return request
}

/** A caller runs its own; what a provider runs by itself (searches, code) it charges for, and nobody has set a price. */
const CALLERS_TOOLS = new Set<unknown>([undefined, 'function', 'custom'])

const isCallers = (tool: JsonObject): boolean =>
  CALLERS_TOOLS.has(tool['type']) &&
  !Object.keys(tool).some((name) => isOtherSpelling(name, 'type'))

function checkTools(tools: unknown): void {
  if (!Array.isArray(tools)) return
  const index = tools.findIndex((tool) => isObject(tool) && !isCallers(tool))
  if (index === -1) return
  const param = `tools[${index}]`
  throw invalidRequest(
    `'${param}' must be a function: tools that the provider runs have no price here. Remove it.`,
    param,
  )
}

function checkSize(name: string, value: unknown): void {
  if (typeof value !== 'object' || value === null) return
  if (Array.isArray(value)) {
    const most = name === 'stop' ? STOPS_MAX : ITEMS_MAX
    if (value.length > most) throw tooMany(name, most)
  } else if (name === 'logit_bias' && Object.keys(value).length > BIASES_MAX) {
    throw tooMany(name, BIASES_MAX)
  }
}

const tooMany = (name: string, most: number): Error =>
  invalidRequest(`'${name}' may have ${most} entries at most. Send fewer.`, name)

/** Beyond these JSON.parse has made another number of what was sent, or none at all, and that would be passed on. */
const isExact = (value: number): boolean =>
  value <= Number.MAX_SAFE_INTEGER && value >= Number.MIN_SAFE_INTEGER

const inexactField = (name: string): Error =>
  invalidRequest(
    `'${name}' must be a number from ${Number.MIN_SAFE_INTEGER} to ${Number.MAX_SAFE_INTEGER}: others are not passed on exactly.`,
    name,
  )

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function modelName(value: unknown): string {
  if (typeof value === 'string' && value !== '') return value
  throw invalidRequest("'model' must be a string; GET /v1/models lists what you may use.", 'model')
}

function messages(value: unknown): readonly JsonObject[] {
  if (!Array.isArray(value) || value.length === 0) {
    throw invalidRequest("'messages' must be a list of at least one message.", 'messages')
  }
  for (const [index, message] of value.entries()) {
    if (!isObject(message) || typeof message['role'] !== 'string') {
      const param = `messages[${index}]`
      throw invalidRequest(`'${param}' must be an object with a 'role'.`, param)
    }
    if (!KNOWN_ROLES.has(message['role'])) {
      const param = `messages[${index}].role`
      throw invalidRequest(
        `'${param}' must be system, developer, user, assistant, tool or function.`,
        param,
      )
    }
  }
  return value as readonly JsonObject[]
}

function flag(value: unknown, name: string): boolean {
  if (value === undefined || value === null) return false
  if (typeof value === 'boolean') return value
  throw invalidRequest(`'${name}' must be true or false.`, name)
}

function optionalText(value: unknown, name: string): string | undefined {
  if (value === undefined || value === null) return undefined
  if (typeof value === 'string') return value
  throw invalidRequest(`'${name}' must be a string.`, name)
}

function showsUsage(options: unknown): boolean {
  if (options === undefined || options === null) return false
  if (!isObject(options))
    throw invalidRequest("'stream_options' must be an object.", 'stream_options')
  return flag(options['include_usage'], 'stream_options.include_usage')
}

type Range = Readonly<{ name: string; least: number; most: number }>

function integer(value: unknown, { name, least, most }: Range): number | undefined {
  if (value === undefined || value === null) return undefined
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) {
    return value
  }
  throw invalidRequest(`'${name}' must be a whole number from ${least} to ${most}.`, name)
}

/** Both names of the cap are understood; given both, the smaller counts. */
function outputCap(body: JsonObject): number | undefined {
  const old = integer(body['max_tokens'], { name: 'max_tokens', least: 1, most: CAP_MAX })
  const current = integer(body['max_completion_tokens'], {
    name: 'max_completion_tokens',
    least: 1,
    most: CAP_MAX,
  })
  if (old === undefined || current === undefined) return old ?? current
  return Math.min(old, current)
}

type FoundMedia = Pick<ChatRequest, 'media' | 'mediaChars'>
const NO_MEDIA: FoundMedia = { media: { images: 0, audioBytes: 0 }, mediaChars: 0 }

/** Counts images and audio in the prompt; nearly all prompts have none and return at once. */
function mediaOf(list: readonly JsonObject[]): FoundMedia {
  if (list.every((message) => !Array.isArray(message['content']))) return NO_MEDIA
  let images = 0
  let audioBytes = 0
  let mediaChars = 0
  for (const part of list.flatMap(({ content }): unknown[] =>
    Array.isArray(content) ? content : [],
  )) {
    if (!isObject(part)) continue
    if (part['type'] === 'image_url' || part['type'] === 'input_image') {
      images++
      mediaChars += dataUrlChars(part['image_url'])
    } else if (part['type'] === 'input_audio' && isObject(part['input_audio'])) {
      const data = part['input_audio']['data']
      const chars = typeof data === 'string' ? data.length : 0
      audioBytes += Math.ceil((chars * 3) / 4)
      mediaChars += chars
    }
  }
  return { media: { images, audioBytes }, mediaChars }
}

/** An image by address costs its address as text; an inlined one costs the image alone. */
function dataUrlChars(image: unknown): number {
  const url = isObject(image) ? image['url'] : image
  return typeof url === 'string' && url.startsWith('data:') ? url.length : 0
}
