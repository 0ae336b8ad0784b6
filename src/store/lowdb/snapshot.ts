import { createHash } from 'node:crypto'
import { Low, type Adapter } from 'lowdb'
import { callName } from '../../domain/correction.ts'
import type { Alert, WebhookRecord } from '../../domain/alert.ts'
import type { CodeRecord } from '../../domain/code.ts'
import type { CorrectionEntry, PriceEntry } from '../../domain/entry.ts'
import type { KeyRecord } from '../../domain/key.ts'
import { micro, type MicroCredits } from '../../domain/money.ts'
import type { AccountSettings, PlaceSettings } from '../../domain/register.ts'
import type { UserRecord } from '../../domain/user.ts'
import { emptyBooks, type AccountState, type Books, type RefundState } from '../books.ts'
import type { HeldLevel, OpenHold } from '../open-hold.ts'
import { keep } from '../register.ts'
import { keepCode } from '../vouchers.ts'
import type { SwitchedOff } from '../switched-off.ts'
import { durableJson } from './durable-json.ts'
import type { Position } from './record.ts'
import type { DbPaths } from './segments.ts'

/** The books as of the end of a sealed segment. A shortcut for replay, never the truth. */
export type Snapshot = Position &
  Readonly<{
    format: 'tollgate-snapshot/1'
    /** The last segment that it covers. */
    segment: number
    state: SnapshotState
    /** SHA-256 of the state: shows an edit by hand. */
    digest: string
  }>

type Stored<T, Amounts extends keyof T> = Omit<T, Amounts> & Record<Amounts, string>
export type SnapshotState = Readonly<{
  accounts: readonly (AccountSettings &
    PlaceSettings &
    Readonly<{ used?: string; capMax?: string; disabledBy?: string }> &
    Readonly<Record<'id' | 'tier' | 'balance' | 'held', string> & { createdAt: number }>)[]
  keys: readonly KeyRecord[]
  /** Absent where the snapshot is older than users are. */
  users?: readonly UserRecord[]
  endedSessions?: readonly (readonly [id: string, until: number])[]
  holds: readonly (Stored<Omit<OpenHold, 'progress' | 'levels'>, 'amount' | 'inputCost'> & {
    progress?: string
    levels?: readonly Stored<HeldLevel, 'amount'>[]
  })[]
  prices: readonly Omit<PriceEntry, 'kind' | 'at'>[]
  /** Absent where the snapshot is older than corrections are. */
  refunds?: readonly (Stored<Omit<RefundState, 'levels'>, 'paid' | 'refunded'> & {
    levels?: readonly Readonly<{ account: string; paid: string }>[]
  })[]
  repeats?: readonly CorrectionEntry[]
  /** Absent where nothing is switched off. */
  switches?: readonly SwitchedOff[]
  codes?: readonly CodeRecord[]
  alerts?: Readonly<{
    webhooks: readonly WebhookRecord[]
    pending: readonly Alert[]
    raised: readonly string[]
  }>
  invited?: readonly (readonly [invited: string, inviter: string])[]
  overrun: string
}>

export class EditedSnapshot extends Error {
  override readonly name = 'EditedSnapshot'
}

/** A snapshot, and the file that it was in. */
export type FoundSnapshot = Readonly<{ snapshot: Snapshot; file: string }>

/** The newest readable snapshot, or none: a half-written or empty one falls back to the one before it, or to the base. */
export async function findSnapshot(paths: DbPaths): Promise<FoundSnapshot | undefined> {
  for (const file of [paths.snapshot, paths.previousSnapshot, paths.base]) {
    const snapshot = await readSnapshotFile(file)
    if (snapshot !== undefined) return { snapshot, file }
  }
  return undefined
}

/** What a file has, if it is a sound snapshot. */
export async function readSnapshotFile(file: string): Promise<Snapshot | undefined> {
  const low = new Low<Snapshot | null>(durableJson(file), null)
  await low.read()
  return soundSnapshot(low.data, file)
}

export const readSnapshot = async (paths: DbPaths): Promise<Snapshot | undefined> =>
  (await findSnapshot(paths))?.snapshot

/** What was read from a file, if it is a whole snapshot that nobody has edited. */
export function soundSnapshot(data: Snapshot | null, file: string): Snapshot | undefined {
  if (data?.format !== 'tollgate-snapshot/1') return undefined
  if (digestOf(data.state) === data.digest) return data
  throw new EditedSnapshot(
    `${file} was changed by something other than Tollgate. Put the original back, or move the file away: the ` +
      'journal rebuilds it. To keep balances that were changed in it, run `node scripts/accept-edit.js`.',
  )
}

type NextSnapshot = Readonly<{
  books: Books
  segment: number
  position: Position
  before: FoundSnapshot | undefined
}>

/** Puts the next snapshot in its place, and keeps the one that it was made of. */
export async function writeSnapshot(
  paths: DbPaths,
  { books, segment, position, before }: NextSnapshot,
): Promise<void> {
  const keepAs = before?.file === paths.snapshot ? paths.previousSnapshot : undefined
  await write(durableJson(paths.snapshot, keepAs), { books, segment, position })
}

/** The books that the journal goes on from once the segments up to there are elsewhere. */
export async function writeBase(
  paths: DbPaths,
  base: Pick<NextSnapshot, 'books' | 'segment' | 'position'>,
): Promise<void> {
  await write(durableJson(paths.base), base)
}

async function write(
  adapter: Adapter<Snapshot | null>,
  { books, segment, position }: Pick<NextSnapshot, 'books' | 'segment' | 'position'>,
): Promise<void> {
  const state = stateOf(books)
  const low = new Low<Snapshot | null>(adapter, null)
  const digest = digestOf(state)
  low.data = { format: 'tollgate-snapshot/1', segment, ...position, digest, state }
  await low.write()
}

export function booksFrom(snapshot: Snapshot | undefined): Books {
  const books = emptyBooks()
  if (snapshot === undefined) return books
  const { state } = snapshot
  for (const { balance, held, cap, used, ...account } of state.accounts) {
    const credit = { balance: amountIn(balance), held: amountIn(held) }
    books.accounts.set(account.id, {
      ...{ ...account, credit, movedIn: 0 },
      ...(cap !== undefined && { cap: amountIn(cap) }),
      ...(used !== undefined && { used: amountIn(used) }),
    })
  }
  for (const key of state.keys) keep(books, key)
  for (const user of state.users ?? []) books.users.set(user.name, user)
  for (const [id, until] of state.endedSessions ?? []) books.endedSessions.set(id, until)
  for (const price of state.prices) books.prices.set(price.version, price)
  for (const { amount, inputCost, progress, levels, ...rest } of state.holds) {
    const hold = { ...rest, amount: amountIn(amount), inputCost: amountIn(inputCost) }
    books.holds.set(rest.id, {
      ...hold,
      ...(levels && {
        levels: levels.map((one) => ({ ...one, amount: amountIn(one.amount) })),
      }),
      progress: progress === undefined ? undefined : amountIn(progress),
    })
  }
  for (const { request, account, paid, refunded, levels } of state.refunds ?? []) {
    const amounts = { paid: amountIn(paid), refunded: amountIn(refunded) }
    const above = levels?.map((one) => ({ ...one, paid: amountIn(one.paid) }))
    books.refunds.set(request, { request, account, ...amounts, ...(above && { levels: above }) })
  }
  for (const entry of state.repeats ?? []) {
    if (entry.idempotency === undefined) continue
    books.repeats.set(callName(entry.by, entry.idempotency.key), entry)
  }
  for (const one of state.switches ?? []) books.switchedOff.set(one.target, one)
  for (const one of state.alerts?.webhooks ?? []) books.alerts.webhooks.set(one.id, one)
  for (const one of state.alerts?.pending ?? []) books.alerts.pending.set(one.id, one)
  for (const one of state.alerts?.raised ?? []) books.alerts.raised.add(one)
  for (const code of state.codes ?? []) keepCode(books, code)
  for (const [one, by] of state.invited ?? []) books.invited.set(one, by)
  books.overrun = micro(BigInt(state.overrun))
  return books
}

const amountIn = (text: string): MicroCredits => micro(BigInt(text))

export function stateOf(books: Books): SnapshotState {
  return {
    accounts: [...books.accounts.values()].map(accountState),
    keys: [...books.keysById.values()],
    users: [...books.users.values()],
    endedSessions: [...books.endedSessions],
    holds: [...books.holds.values()].map(({ amount, inputCost, progress, levels, ...rest }) => ({
      ...rest,
      amount: amount.toString(),
      inputCost: inputCost.toString(),
      ...(levels && { levels: levels.map((one) => ({ ...one, amount: one.amount.toString() })) }),
      ...(progress !== undefined && { progress: progress.toString() }),
    })),
    prices: [...books.prices.values()],
    refunds: [...books.refunds.values()].map(({ paid, refunded, levels, ...rest }) => ({
      ...rest,
      paid: paid.toString(),
      refunded: refunded.toString(),
      ...(levels && { levels: levels.map((one) => ({ ...one, paid: one.paid.toString() })) }),
    })),
    repeats: [...books.repeats.values()],
    ...alertState(books),
    ...(books.codes.size > 0 && { codes: [...books.codes.values()] }),
    ...(books.invited.size > 0 && { invited: [...books.invited] }),
    ...(books.switchedOff.size > 0 && { switches: [...books.switchedOff.values()] }),
    overrun: books.overrun.toString(),
  }
}

function alertState({ alerts }: Books): Pick<SnapshotState, 'alerts'> {
  const webhooks = [...alerts.webhooks.values()]
  const [pending, raised] = [[...alerts.pending.values()], [...alerts.raised]]
  return webhooks.length + pending.length + raised.length === 0
    ? {}
    : { alerts: { webhooks, pending, raised } }
}

function accountState(account: AccountState): SnapshotState['accounts'][number] {
  const { credit, movedIn: _movedIn, resale: _resale, cap, used, ...rest } = account
  return {
    ...rest,
    balance: credit.balance.toString(),
    held: credit.held.toString(),
    ...(cap !== undefined && { cap: cap.toString() }),
    ...(used !== undefined && { used: used.toString() }),
  }
}

const digestOf = (state: unknown): string =>
  createHash('sha256').update(JSON.stringify(state)).digest('hex')
