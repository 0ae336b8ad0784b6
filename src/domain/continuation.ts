import { isObject, type ChatRequest } from './chat-request.ts'

/** How an upstream is asked to go on with an answer that broke off elsewhere. */
export const CONTINUE_FORMS = [
  'instruction', // what came as the assistant's message, and behind it the user's wish to go on: any upstream does that
  'prefill', // what came as the last message, for upstreams that go on with it by themselves
  'prefix', // the same marked `prefix: true` (DeepSeek, Mistral)
  'final_message', // the same with `continue_final_message` (vLLM)
] as const

export type ContinueForm = (typeof CONTINUE_FORMS)[number]

/**
 * Whether two parts of an answer by two upstreams can be one. Not where its form is more than text (calls, schemas,
 * sound, probabilities), nor where it is several.
 */
export function isContinuable({ body, choices }: ChatRequest): boolean {
  return (
    choices === 1 &&
    !SHAPING.some((name) => isAsked(body[name])) &&
    isTextAlone(body['response_format']) &&
    (!isAsked(body['modalities']) || isOnlyText(body['modalities']))
  )
}

const SHAPING = ['tools', 'functions', 'logprobs', 'top_logprobs', 'audio', 'echo', 'suffix']

const isAsked = (value: unknown): boolean =>
  Array.isArray(value) ? value.length > 0 : value !== undefined && value !== null && value !== false

const isTextAlone = (format: unknown): boolean =>
  !isAsked(format) || (isObject(format) && format['type'] === 'text')

const isOnlyText = (modalities: unknown): boolean =>
  Array.isArray(modalities) && modalities.every((one) => one === 'text')
