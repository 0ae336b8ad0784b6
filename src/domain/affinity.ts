// Providers keep the beginning of a prompt they have just read, and ask less for reading it again; but each key of a
// provider has a cache of its own. So a conversation goes to the same place as long as that can be asked.
import { isObject, type JsonObject } from './chat-request.ts'
import type { Candidate } from './route.ts'
import { bringForward, spreads, type Strategy } from './strategy.ts'

/** So many characters, taken from all over a text, tell two conversations apart. */
const SAMPLES_MAX = 256
const FNV_BASIS = 0x811c9dc5
const FNV_PRIME = 0x01000193

/** Whose conversation it is, and how it begins: account, model, system prompt and first message of the user. */
export type Conversation = Readonly<{ account: string; model: string; body: JsonObject }>

/** The same number for all requests of a conversation, however long it has become. */
export function conversationHash({ account, model, body }: Conversation): number {
  let hash = hashed(model, hashed(account, FNV_BASIS))
  const messages = body['messages']
  if (!Array.isArray(messages)) return hash
  for (const message of messages as unknown[]) {
    if (!isObject(message)) continue
    const { role } = message
    if (role !== 'system' && role !== 'developer' && role !== 'user') continue
    hash = hashed(textOf(message['content']), hash)
    if (role === 'user') return hash
  }
  return hash
}

/** What a deployment brings to each pairing with a conversation. */
export const seedOf = (deployment: string): number => hashed(deployment, FNV_BASIS)

/**
 * Brings the place of a conversation to the front, and those where it would go instead behind it. Each place and
 * conversation have a score of their own (rendezvous hashing): nothing is remembered, a place that falls out moves only
 * its own conversations, and they come back with it.
 */
export function keepTogether(candidates: Candidate[], strategy: Strategy, hash: number): void {
  const [first] = candidates
  if (first === undefined) return
  const scores: number[] = []
  for (const [at, candidate] of candidates.entries()) {
    if (!isPeer(candidate, first, strategy)) continue
    const weight = strategy === 'weighted' ? candidate.deployment.weight : 1
    const score = scoreOf(hash ^ candidate.seed, weight)
    let place = scores.length
    while (place > 0 && (scores[place - 1] ?? 0) < score) place--
    scores.splice(place, 0, score)
    bringForward(candidates, at, place)
  }
}

/** Strategies that only spread the load leave the whole choice to the conversation; the others that of the key. */
const isPeer = (one: Candidate, first: Candidate, strategy: Strategy): boolean =>
  spreads(strategy) ||
  (one.deployment.provider === first.deployment.provider &&
    one.deployment.upstreamModel === first.deployment.upstreamModel)

/** In proportion to its weight, each has the highest score of this share of conversations. */
const scoreOf = (pair: number, weight: number): number =>
  weight / -Math.log((mixed(pair) + 0.5) / 2 ** 32)

/** The finish of MurmurHash3: neighbouring numbers become unlike each other. */
function mixed(value: number): number {
  let hash = value ^ (value >>> 16)
  hash = Math.imul(hash, 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

/** FNV-1a over the length and the samples. */
function hashed(text: string, start: number): number {
  const step = Math.ceil(text.length / SAMPLES_MAX)
  let hash = Math.imul(start ^ text.length, FNV_PRIME)
  for (let at = 0; at < text.length; at += step) {
    hash = Math.imul(hash ^ text.charCodeAt(at), FNV_PRIME)
  }
  return hash
}

/** Of a message in parts, the first text. */
function textOf(content: unknown): string {
  if (typeof content === 'string') return content
  if (!Array.isArray(content)) return ''
  for (const part of content as unknown[]) {
    if (isObject(part) && typeof part['text'] === 'string') return part['text']
  }
  return ''
}
