import type { Birth } from './audit-hold-life.ts'

/** What the audit reads and says: a line of the journal, the books of a snapshot, and the place of a finding. */
export type Place = Readonly<{ file: string; offset: number; seq?: number; account?: string }>
export type Report = (rule: string, what: string, place: Place) => void
export type Item = Readonly<Record<string, unknown>>
export type Text =
  | ('account' | 'ref' | 'amount' | 'balance' | 'held' | 'cost' | 'key' | 'model' | 'price')
  | ('paid' | 'request')
/** What an entry does to one of several accounts. */
export type Leg = Readonly<Record<'account' | 'amount' | 'balance' | 'held', string>> &
  Readonly<Partial<Record<'markup' | 'price' | 'cost' | 'paid', string>>>
export type Line = Readonly<
  Record<Text | 'kind' | 'input' | 'run' | 'after' | 'tier' | 'version' | 'reason', string>
> &
  Readonly<{
    seq: number
    at: number
    chain?: string
    batch?: number
    usage?: Record<string, unknown>
    legs?: readonly Leg[]
    /** The caller's limit on the charge. */
    most?: string
    markup?: string
    cap?: string
    isDisabled?: boolean
    by?: string
    /** Whose word an account's entry is. */
    word?: 'operator' | 'reseller'
    /** The accounts above a sub-account, up to the one at the top. */
    levels?: readonly Leg[]
    idempotency?: Readonly<{ key: string; fingerprint: string }>
  }> &
  Item

/** The books as a snapshot has them. */
export type BooksText = Readonly<{
  accounts: readonly Readonly<
    Record<'id' | 'tier' | 'balance' | 'held', string> & { createdAt: number; used?: string }
  >[]
  keys: readonly (Item & Readonly<{ id: string }>)[]
  /** Absent in books that are older than users. */
  users?: readonly (Item & Readonly<{ name: string }>)[]
  endedSessions?: readonly (readonly [id: string, until: number])[]
  holds: readonly (Item &
    Readonly<Record<'id' | 'amount' | 'inputCost', string> & { progress?: string }>)[]
  prices: readonly (Item & Readonly<{ version: string }>)[]
  alerts?: Readonly<{
    webhooks: readonly (Item & Readonly<{ id: string }>)[]
    pending: readonly (Item & Readonly<{ id: string; to: readonly string[] }>)[]
    raised: readonly string[]
  }>
  codes?: readonly (Item & Readonly<{ id: string }>)[]
  invited?: readonly (readonly [string, string])[]
  /** Absent in books that are older than corrections. */
  refunds?: readonly (Readonly<Record<'request' | 'account' | 'paid' | 'refunded', string>> &
    Readonly<{ levels?: readonly Readonly<Record<'account' | 'paid', string>>[] }>)[]
  repeats?: readonly (Item &
    Readonly<{ at: number; idempotency: Readonly<{ key: string; fingerprint: string }> }>)[]
  switches?: readonly Readonly<{ target: string; at: number; by?: string }>[]
  overrun: string
}>

export const placeOf = ({ seq, account }: Line, at: Place): Place =>
  account ? { ...at, seq, account } : { ...at, seq }

export const MICRO_MAX = 9_000_000_000_000_000_000n

/** A12: whether it is a whole number of micro-credits in its range; what is no number counts as nothing. */
export function readAmount(text: unknown, least = 0n): { amount: bigint; isRight: boolean } {
  const isNumber = typeof text === 'string' && /^(?:0|-?[1-9]\d{0,29})$/.test(text)
  const amount = isNumber ? BigInt(text) : 0n
  return { amount, isRight: isNumber && amount >= least && amount <= MICRO_MAX }
}

/** Any value as text that does not depend on the order of its fields. */
export const plain = (value: unknown): string =>
  JSON.stringify(value, (_, one: unknown) => {
    if (typeof one === 'bigint') return one.toString()
    const isObject = typeof one === 'object' && one !== null && !Array.isArray(one)
    return isObject ? Object.fromEntries(Object.entries(one).sort()) : one
  })

/** What a snapshot has of an open hold, as its entry says it. */
export function heldItem(line: Line): Item {
  const { account, key, model, price, at, input, most, markup, levels } = line
  const above = levels?.map(({ account, markup, price, amount }) => ({
    ...{ account, markup, price, amount },
  }))
  return { account, key, model, price, at, inputCost: input, most, markup, levels: above }
}

export type AuditedHold = {
  line: Line
  at: Place
  birth: Birth
  amount: bigint
  most: bigint | undefined
  progress?: string
}

/** Of books that are gone on from: their run is not known, and none of this one. */
const UNBORN: Birth = { run: '', workedMs: 0 }

/** An open hold of a snapshot, as its entry was. */
export function openHold({
  id: ref,
  inputCost: input,
  progress,
  ...hold
}: BooksText['holds'][number]): AuditedHold {
  const line = { kind: 'hold', seq: 0, ref, input, ...hold } as unknown as Line
  const most = line.most === undefined ? undefined : BigInt(line.most)
  const amount = BigInt(hold.amount)
  const open = { line, at: { file: '', offset: 0 }, birth: UNBORN, amount, most }
  return progress === undefined ? open : { ...open, progress }
}
