import { invalidRequest } from './failure.ts'

/** Fields that would change where the request goes or what it costs behind the operator's back. */
const REFUSED = new Map(
  Object.entries({
    api_base: 'the operator decides which provider answers',
    base_url: 'the operator decides which provider answers',
    api_key: 'send your key in the Authorization header',
    headers: 'extra headers are not passed on',
    extra_headers: 'extra headers are not passed on',
    extra_body: 'put its fields into the body itself',
    provider: 'the operator decides which provider answers',
    models: 'ask for one model; the operator configures its fallbacks',
    route: 'ask for one model; the operator configures its fallbacks',
    plugins: 'plugins have no price here',
    web_search_options: 'web search has no price here',
    search_parameters: 'web search has no price here',
    constructor: 'it is not a field of a chat completion',
    prototype: 'it is not a field of a chat completion',
  }),
)

/** What the gateway reads, decides or bounds. */
const READ = [
  ...['model', 'messages', 'stream', 'stream_options', 'n', 'service_tier', 'tools', 'functions'],
  ...['max_tokens', 'max_completion_tokens', 'stop', 'logit_bias', 'response_format'],
]

/** Nearly all that come: nothing more is asked of them. */
const USUAL = new Set([
  ...READ,
  ...['temperature', 'top_p', 'seed', 'user', 'metadata', 'store', 'reasoning_effort'],
  ...['tool_choice', 'parallel_tool_calls', 'presence_penalty', 'frequency_penalty', 'logprobs'],
])

const WITH_MEANING = new Set([...READ, ...REFUSED.keys()])

/**
 * Throws where a field must not be passed on. Servers written in some languages do not tell capitals from small letters:
 * for them `Model` is the model, and it would be another one than the one that is paid for.
 */
export function checkName(name: string): void {
  if (USUAL.has(name)) return
  const why = REFUSED.get(name)
  if (why !== undefined) throw refused(name, why)
  const plain = inSmallLetters(name)
  if (plain !== name && WITH_MEANING.has(plain)) throw refused(name, `it is spelled '${plain}'`)
}

export const isOtherSpelling = (name: string, of: string): boolean =>
  name !== of && inSmallLetters(name) === of

/** By way of the capitals, which letters like the long s share with others. */
const inSmallLetters = (name: string): string => name.toUpperCase().toLowerCase()

const refused = (name: string, why: string): Error =>
  invalidRequest(`The field '${name}' is not accepted: ${why}. Remove it.`, name)
