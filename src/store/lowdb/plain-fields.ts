import type { AttemptRecord, Entry, HoldEntry, SettleEntry } from '../../domain/entry.ts'

/**
 * The fields of holds and charges, which are nearly all that is written, as `JSON.stringify` writes them: put together by
 * hand, which takes half as long. Whatever JSON would escape, or is not ASCII, is left to it.
 */
export class PlainFields {
  /** Names that were looked at: the same few of them come again and again. */
  readonly #plain = new Set<string>()

  /** Undefined for other kinds, for chains, where another model answered, and where some text is not plain. */
  of(entry: Entry): string | undefined {
    if (entry.kind === 'hold') return this.#hold(entry)
    return entry.kind === 'settle' ? this.#settle(entry) : undefined
  }

  #hold(entry: Only<HoldEntry, HoldField>): string | undefined {
    const { at, account, ref, amount, balance, held, key, model, price, input } = entry
    if (entry.levels !== undefined || entry.markup !== undefined || !isPlain(ref)) return undefined
    if (!this.#isPlain(account) || !this.#isPlain(key)) return undefined
    if (!this.#isPlain(model) || !this.#isPlain(price)) return undefined
    return (
      `"kind":"hold","at":${number(at)},"account":"${account}","ref":"${ref}","amount":"${amount}",` +
      `"balance":"${balance}","held":"${held}","key":"${key}","model":"${model}","price":"${price}","input":"${input}"`
    )
  }

  #settle(entry: Only<SettleEntry, SettleField>): string | undefined {
    const { at, account, ref, amount, balance, held, key, model, outcome, cost, price } = entry
    if (entry.levels !== undefined || entry.asked !== undefined || !isPlain(ref)) return undefined
    if (!this.#isPlain(account) || !this.#isPlain(key)) return undefined
    if (!this.#isPlain(model) || !this.#isPlain(price)) return undefined
    const { deployment, firstByteMs } = entry
    if (deployment !== undefined && !this.#isPlain(deployment)) return undefined
    const attempts = this.#attempts(entry.attempts)
    if (attempts === undefined) return undefined
    return (
      `"kind":"settle","at":${number(at)},"account":"${account}","ref":"${ref}","amount":"${amount}",` +
      `"balance":"${balance}","held":"${held}","key":"${key}","model":"${model}"` +
      `${deployment === undefined ? '' : `,"deployment":"${deployment}"`},"outcome":"${outcome}","cost":"${cost}",` +
      `"price":"${price}","usage":{${tokens(entry.usage)}}${entry.estimated ? ',"estimated":true' : ''}` +
      `${entry.stream ? ',"stream":true' : ''},"attempts":${attempts},"startedAt":${number(entry.startedAt)}` +
      `${firstByteMs === undefined ? '' : `,"firstByteMs":${number(firstByteMs)}`},"totalMs":${number(entry.totalMs)}`
    )
  }

  /** Mostly there was one, and it answered. */
  #attempts(attempts: readonly AttemptRecord[]): string | undefined {
    const [first] = attempts
    if (first !== undefined && attempts.length === 1 && isAnswer(first))
      return this.#isPlain(first.deployment)
        ? `[{"deployment":"${first.deployment}","ms":${number(first.ms)}}]`
        : undefined
    const text = JSON.stringify(attempts)
    return ASCII.test(text) ? text : undefined
  }

  #isPlain(name: string): boolean {
    if (this.#plain.has(name)) return true
    if (!isPlain(name)) return false
    if (this.#plain.size >= NAMES_MAX) this.#plain.clear()
    this.#plain.add(name)
    return true
  }
}

const NAMES_MAX = 10_000
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
