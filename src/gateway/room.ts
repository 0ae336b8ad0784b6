import { Failure } from '../domain/failure.ts'
import { lineOf, type KeyRecord } from '../domain/key.ts'
import { overloaded } from './overloaded.ts'

export type RoomLimits = Readonly<{
  inFlightMax: number
  /** 0: unlimited, these two. */
  keyInFlightMax: number
  accountInFlightMax: number
  /** How many those above the account may have, with all accounts below them; undefined where nobody is. */
  above: readonly AccountRoom[] | undefined
}>

type AccountRoom = Readonly<{ account: string; inFlightMax: number }>

/** Who has how many requests in flight. Looking and entering are one step, so the limits are exact. */
export class Room {
  #all = 0
  readonly #keys = new Map<string, number>()
  readonly #accounts = new Map<string, number>()
  readonly #chance: () => number

  constructor(chance: () => number) {
    this.#chance = chance
  }

  /** Throws the refusal where there is no room. */
  enter(key: KeyRecord, limits: RoomLimits): void {
    const { account } = key
    const id = lineOf(key)
    const ofKey = this.#keys.get(id) ?? 0
    const ofAccount = this.#accounts.get(account) ?? 0
    if (this.#all >= limits.inFlightMax) throw overloaded(this.#chance, 'The gateway is busy.')
    if (isFull(ofKey, limits.keyInFlightMax)) throw tooMany('key', limits.keyInFlightMax)
    if (isFull(ofAccount, limits.accountInFlightMax)) {
      throw tooMany('account', limits.accountInFlightMax)
    }
    if (limits.above !== undefined) this.#enterAbove(limits.above)
    this.#all++
    this.#keys.set(id, ofKey + 1)
    this.#accounts.set(account, ofAccount + 1)
  }

  /** With the limits that it entered with: accounts may have been moved since. */
  leave(key: KeyRecord, { above }: RoomLimits): void {
    const { account } = key
    this.#all--
    takeOne(this.#keys, lineOf(key))
    takeOne(this.#accounts, account)
    if (above !== undefined) for (const one of above) takeOne(this.#accounts, one.account)
  }

  /** Of a key, or of an account with all accounts below it. */
  inFlight(kind: 'key' | 'account', id: string): number {
    return (kind === 'key' ? this.#keys : this.#accounts).get(id) ?? 0
  }

  #enterAbove(above: readonly AccountRoom[]): void {
    const of = (account: string): number => this.#accounts.get(account) ?? 0
    for (const { account, inFlightMax } of above)
      if (isFull(of(account), inFlightMax)) throw tooManyAbove()
    for (const { account } of above) this.#accounts.set(account, of(account) + 1)
  }
}

const isFull = (count: number, most: number): boolean => most !== 0 && count >= most

function takeOne(counts: Map<string, number>, name: string): void {
  const count = counts.get(name) ?? 0
  if (count > 1) counts.set(name, count - 1)
  else counts.delete(name)
}

const tooMany = (whose: 'key' | 'account', most: number): Failure =>
  new Failure(
    'rate_limit_exceeded',
    `Your ${whose} has ${most} requests in flight, which is as many as it may have. Try again when one has ended.`,
    { retryAfterMs: 1_000, places: most },
  )

/** Whose limit it is, is not the caller's business. */
const tooManyAbove = (): Failure =>
  new Failure(
    'rate_limit_exceeded',
    'Whoever gave you your key has as many requests in flight as they may have. Try again shortly.',
    { retryAfterMs: 1_000 },
  )
