import type { AttemptRecord, Entry, HoldEntry, SettleEntry } from '../../domain/entry.ts'
import { hundredthsText, timeText } from '../../domain/number-text.ts'

/**
 * The fields of holds and charges, which are nearly all that is written, as `JSON.stringify` writes them: put together by
 * hand, in as few pieces as can be, which takes a third of the time. Whatever JSON would escape, or is not ASCII, is left
 * to it.
 */
export class PlainFields {
  /** By key and model: at the next request of the same key for the same model they are mostly the same. */
  readonly #words = new Map<string, Map<string, Words>>()
  #count = 0

  /** Undefined for other kinds, for chains, where another model answered, and where some text is not plain. */
  of(entry: Entry): string | undefined {
    if (entry.kind === 'hold') return this.#hold(entry)
    return entry.kind === 'settle' ? this.#settle(entry) : undefined
  }

  #hold(entry: Only<HoldEntry, HoldField>): string | undefined {
    const { at, ref, amount, balance, held, input } = entry
    if (entry.levels !== undefined || entry.markup !== undefined || !isPlain(ref)) return undefined
    const words = this.#wordsOf(entry)
    if (words === undefined) return undefined
    return (
      `"kind":"hold","at":${timeText(at)}${words.account}${ref}","amount":"${amount}",` +
      `"balance":"${balance}","held":"${held}${words.asked}${input}"`
    )
  }

  #settle(entry: Only<SettleEntry, SettleField>): string | undefined {
    const { at, ref, amount, balance, held, outcome, cost, firstByteMs } = entry
    if (entry.levels !== undefined || entry.asked !== undefined || !isPlain(ref)) return undefined
    const words = this.#wordsOf(entry)
    if (words === undefined) return undefined
    const answered = this.#answered(words, entry.deployment)
    const attempts = this.#attempts(answered, entry)
    if (answered === undefined || attempts === undefined) return undefined
    return (
      `"kind":"settle","at":${timeText(at)}${words.account}${ref}","amount":"${amount}",` +
      `"balance":"${balance}","held":"${held}${answered.by}${outcome}","cost":"${cost}${words.price}${tokens(entry.usage)}` +
      `${entry.estimated ? '},"estimated":true' : '}'}${entry.stream ? ',"stream":true' : ''}${attempts}` +
      `,"startedAt":${timeText(entry.startedAt)}` +
      `${firstByteMs === undefined ? '' : `,"firstByteMs":${hundredthsText(firstByteMs)}`},"totalMs":${hundredthsText(entry.totalMs)}`
    )
  }

  #wordsOf(entry: Named): Words | undefined {
    const known = this.#words.get(entry.key)?.get(entry.model)
    return known?.of.account === entry.account && known.of.price === entry.price
      ? known
      : this.#learn(entry)
  }

  #learn({ account, key, model, price }: Named): Words | undefined {
    if (!isPlain(account) || !isPlain(key) || !isPlain(model) || !isPlain(price)) return undefined
    const words: Words = {
      of: { account, key, model, price },
      account: `,"account":"${account}","ref":"`,
      asked: `","key":"${key}","model":"${model}","price":"${price}","input":"`,
      price: `","price":"${price}","usage":{`,
      answered: undefined,
    }
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
    words.answered = {
      deployment,
      by: `","key":"${key}","model":"${model}${named}","outcome":"`,
      attempt: `,"attempts":[{"deployment":"${deployment}","ms":`,
    }
    return words.answered
  }

  /** Mostly there was one, and it answered. */
  #attempts(answered: Answered | undefined, { attempts }: SettleEntry): string | undefined {
    const [first] = attempts
    if (attempts.length === 1 && first !== undefined && isAnswer(first))
      if (first.deployment === answered?.deployment)
        return `${answered.attempt}${hundredthsText(first.ms)}}]`
    const text = JSON.stringify(attempts)
    return ASCII.test(text) ? `,"attempts":${text}` : undefined
  }
}

type Named = Pick<HoldEntry, 'account' | 'key' | 'model' | 'price'>

/** What stands between the numbers. */
type Words = {
  readonly of: Named
  readonly account: string
  readonly asked: string
  readonly price: string
  /** Of the deployment that answered last. */
  answered: Answered | undefined
}
type Answered = Readonly<{ deployment: string | undefined; by: string; attempt: string }>

const WORDS_MAX = 10_000
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

const number = (value: number): string => (Number.isFinite(value) ? String(value) : 'null')

function tokens(usage: SettleEntry['usage']): string {
  let text = ''
  if (usage.input !== undefined) text += `,"input":${number(usage.input)}`
  if (usage.cachedInput !== undefined) text += `,"cachedInput":${number(usage.cachedInput)}`
  if (usage.cacheWrite !== undefined) text += `,"cacheWrite":${number(usage.cacheWrite)}`
  if (usage.image !== undefined) text += `,"image":${number(usage.image)}`
  if (usage.output !== undefined) text += `,"output":${number(usage.output)}`
  if (usage.audioInput !== undefined) text += `,"audioInput":${number(usage.audioInput)}`
  if (usage.audioOutput !== undefined) text += `,"audioOutput":${number(usage.audioOutput)}`
  return text.slice(1)
}

/** An entry of which all fields are named: one that is added to its type, and not above, does not compile. */
type Only<E, Field> = Exclude<keyof E, Field> extends never ? E : never
type Moved = 'kind' | 'at' | 'account' | 'ref' | 'amount' | 'balance' | 'held'
type HoldField = Moved | 'key' | 'model' | 'price' | 'input' | 'markup' | 'levels'
type SettleField =
  | Exclude<HoldField, 'input' | 'markup'>
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
