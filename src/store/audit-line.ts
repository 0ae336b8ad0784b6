/** What the audit reads and says: a line of the journal, the books of a snapshot, and the place of a finding. */
export type Place = Readonly<{ file: string; offset: number; seq?: number; account?: string }>
export type Report = (rule: string, what: string, place: Place) => void
export type Item = Readonly<Record<string, unknown>>
export type Text =
  | ('account' | 'ref' | 'amount' | 'balance' | 'held' | 'cost' | 'key' | 'model' | 'price')
  | ('paid' | 'request')
export type Line = Readonly<
  Record<Text | 'kind' | 'input' | 'run' | 'after' | 'tier' | 'version' | 'reason', string>
> &
  Readonly<{
    seq: number
    at: number
    chain?: string
    batch?: number
    usage?: Record<string, unknown>
    legs?: readonly Readonly<Record<'account' | 'amount' | 'balance' | 'held', string>>[]
    idempotency?: Readonly<{ key: string; fingerprint: string }>
  }> &
  Item

/** The books as a snapshot has them. */
export type BooksText = Readonly<{
  accounts: readonly Readonly<
    Record<'id' | 'tier' | 'balance' | 'held', string> & { createdAt: number }
  >[]
  keys: readonly (Item & Readonly<{ id: string }>)[]
  /** Absent in books that are older than users. */
  users?: readonly (Item & Readonly<{ name: string }>)[]
  endedSessions?: readonly (readonly [id: string, until: number])[]
  holds: readonly (Item &
    Readonly<Record<'id' | 'amount' | 'inputCost', string> & { progress?: string }>)[]
  prices: readonly (Item & Readonly<{ version: string }>)[]
  /** Absent in books that are older than corrections. */
  refunds?: readonly Readonly<Record<'request' | 'account' | 'paid' | 'refunded', string>>[]
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
