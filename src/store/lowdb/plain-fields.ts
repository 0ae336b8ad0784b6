import type { AttemptRecord, Entry, HoldEntry, SettleEntry } from '../../domain/entry.ts'
import { hundredthsText, timeText } from '../../domain/number-text.ts'
import type { ChainedText } from './chained-text.ts'

/**
 * The fields of holds and charges, which are nearly all that is written, as `JSON.stringify` writes them: put together by
 * hand where they are to stand, because texts on the way there would be most of what a request leaves to be collected.
 * Whatever JSON would escape, or is not ASCII, is left to it.
 */
export class PlainFields {
  /** By key and model: at the next request of the same key for the same model they are mostly the same. */
  readonly #words = new Map<string, Map<string, Words>>()
  #count = 0

  /** False, and nothing written, for other kinds, for chains, under a caller's limit, where another model answered, and where some text is not plain. */
  write(entry: Entry, to: ChainedText): boolean {
    if (entry.kind === 'hold') return this.#hold(entry, to)
    return entry.kind === 'settle' && this.#settle(entry, to)
  }

  #hold(entry: Only<HoldEntry, HoldField>, to: ChainedText): boolean {
    if (entry.levels !== undefined || entry.markup !== undefined) return false
    if (entry.most !== undefined || !isPlain(entry.ref)) return false
    const words = this.#wordsOf(entry)
    if (words === undefined) return false
    to.makeRoom(words.bytes + amountBytes(entry) + entry.input.length + REST_BYTES_MAX)
    to.short('"kind":"hold","at":')
    moved(entry, words, to)
    to.piece(words.asked)
    to.short(entry.input)
    to.short('"')
    return true
  }

  #settle(entry: Only<SettleEntry, SettleField>, to: ChainedText): boolean {
    if (entry.levels !== undefined || entry.asked !== undefined || !isPlain(entry.ref)) return false
    const words = this.#wordsOf(entry)
    const answered = words && this.#answered(words, entry.deployment)
    if (words === undefined || answered === undefined) return false
    const attempt = onlyAttempt(answered, entry.attempts)
    const attempts = attempt === undefined ? textOf(entry.attempts) : ''
    if (attempts === undefined) return false
    const bytes = words.bytes + answered.bytes + amountBytes(entry) + entry.cost.length
    to.makeRoom(bytes + attempts.length + REST_BYTES_MAX)
    to.short('"kind":"settle","at":')
    moved(entry, words, to)
    to.piece(answered.by)
    to.short(entry.outcome)
    to.short('","cost":"')
    to.short(entry.cost)
    to.piece(words.price)
    tokens(entry.usage, to)
    to.short(entry.estimated ? '},"estimated":true' : '}')
    if (entry.stream) to.short(',"stream":true')
    if (attempt === undefined) to.ascii(`,"attempts":${attempts}`)
    else {
      to.piece(answered.attempt)
      to.short(hundredthsText(attempt.ms))
      to.short('}]')
    }
    times(entry, to)
    return true
  }

  #wordsOf(entry: Named): Words | undefined {
    const known = this.#words.get(entry.key)?.get(entry.model)
    return known?.of.account === entry.account && known.of.price === entry.price
      ? known
      : this.#learn(entry)
  }

  #learn({ account, key, model, price }: Named): Words | undefined {
    if (!isPlain(account) || !isPlain(key) || !isPlain(model) || !isPlain(price)) return undefined
    const whose = Buffer.from(`,"account":"${account}","ref":"`)
    const asked = Buffer.from(`","key":"${key}","model":"${model}","price":"${price}","input":"`)
    const by = Buffer.from(`","price":"${price}","usage":{`)
    const bytes = whose.byteLength + asked.byteLength + by.byteLength
    const of = { account, key, model, price }
    const words: Words = { of, whose, asked, price: by, bytes, answered: undefined }
    if (++this.#count > WORDS_MAX) {
      this.#words.clear()
      this.#count = 1
    }
    const models = this.#words.get(key) ?? new Map<string, Words>()
    this.#words.set(key, models.set(model, words))
    return words
  }

  #answered(words: Words, deployment: string | undefined): Answered | undefined {
    const known = words.answered
    if (known !== undefined && known.deployment === deployment) return known
    if (deployment !== undefined && !isPlain(deployment)) return undefined
    const { key, model } = words.of
    const named = deployment === undefined ? '' : `","deployment":"${deployment}`
    const by = Buffer.from(`","key":"${key}","model":"${model}${named}","outcome":"`)
    const attempt = Buffer.from(`,"attempts":[{"deployment":"${deployment}","ms":`)
    words.answered = { deployment, by, attempt, bytes: by.byteLength + attempt.byteLength }
    return words.answered
  }
}

/** Mostly there was one, and it answered. */
function onlyAttempt(
  { deployment }: Answered,
  attempts: readonly AttemptRecord[],
): AttemptRecord | undefined {
  const [first] = attempts
  const isOnly = attempts.length === 1 && first !== undefined && isAnswer(first)
  return isOnly && first.deployment === deployment ? first : undefined
}

function textOf(attempts: readonly AttemptRecord[]): string | undefined {
  const text = JSON.stringify(attempts)
  return ASCII.test(text) ? text : undefined
}

const amountBytes = ({ ref, amount, balance, held }: HoldEntry | SettleEntry): number =>
  ref.length + amount.length + balance.length + held.length

function moved(entry: HoldEntry | SettleEntry, words: Words, to: ChainedText): void {
  to.short(timeText(entry.at))
  to.piece(words.whose)
  to.short(entry.ref)
  to.short('","amount":"')
  to.short(entry.amount)
  to.short('","balance":"')
  to.short(entry.balance)
  to.short('","held":"')
  to.short(entry.held)
}

function times({ startedAt, firstByteMs, totalMs }: SettleEntry, to: ChainedText): void {
  to.short(',"startedAt":')
  to.short(timeText(startedAt))
  if (firstByteMs !== undefined) {
    to.short(',"firstByteMs":')
    to.short(hundredthsText(firstByteMs))
  }
  to.short(',"totalMs":')
  to.short(hundredthsText(totalMs))
}

type Named = Pick<HoldEntry, 'account' | 'key' | 'model' | 'price'>

/** What stands between the numbers. */
type Words = {
  readonly of: Named
  readonly whose: Uint8Array
  readonly asked: Uint8Array
  readonly price: Uint8Array
  readonly bytes: number
  /** Of the deployment that answered last. */
  answered: Answered | undefined
}
type Answered = Readonly<{
  deployment: string | undefined
  by: Uint8Array
  attempt: Uint8Array
  bytes: number
}>

const WORDS_MAX = 10_000
/** Of what stands between them, of times and of counts: some twenty numbers of two dozen digits at most. */
const REST_BYTES_MAX = 1024
const ASCII = /^[ -~]*$/

function isPlain(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code < SPACE || code > TILDE || code === QUOTE || code === BACKSLASH) return false
  }
  return true
}

const [SPACE, TILDE, QUOTE, BACKSLASH] = [0x20, 0x7e, 0x22, 0x5c]

const isAnswer = ({ fault, status, cost }: AttemptRecord): boolean =>
  fault === undefined && status === undefined && cost === undefined

function tokens(usage: SettleEntry['usage'], to: ChainedText): void {
  let name = '"'
  const token = (bucket: string, count: number): void => {
    to.short(name)
    to.short(bucket)
    to.short('":')
    to.short(hundredthsText(count))
    name = ',"'
  }
  if (usage.input !== undefined) token('input', usage.input)
  if (usage.cachedInput !== undefined) token('cachedInput', usage.cachedInput)
  if (usage.cacheWrite !== undefined) token('cacheWrite', usage.cacheWrite)
  if (usage.image !== undefined) token('image', usage.image)
  if (usage.output !== undefined) token('output', usage.output)
  if (usage.audioInput !== undefined) token('audioInput', usage.audioInput)
  if (usage.audioOutput !== undefined) token('audioOutput', usage.audioOutput)
}

/** An entry of which all fields are named: one that is added to its type, and not above, does not compile. */
type Only<E, Field> = Exclude<keyof E, Field> extends never ? E : never
type Moved = 'kind' | 'at' | 'account' | 'ref' | 'amount' | 'balance' | 'held'
type HoldField = Moved | 'key' | 'model' | 'price' | 'input' | 'most' | 'markup' | 'levels'
type SettleField =
  | Exclude<HoldField, 'input' | 'most' | 'markup'>
  | 'asked'
  | 'outcome'
  | 'cost'
  | 'usage'
  | 'estimated'
  | 'stream'
  | 'deployment'
  | 'attempts'
  | 'startedAt'
  | 'firstByteMs'
  | 'totalMs'
