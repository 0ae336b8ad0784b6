import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { micro, minus, MICRO_MAX, type MicroCredits } from '../../domain/money.ts'
import { replaySegments } from './recover.ts'
import { isMissing, type DbPaths } from './segments.ts'
import {
  EditedSnapshot,
  readSnapshotFile,
  soundSnapshot,
  stateOf,
  type Snapshot,
  type SnapshotState,
} from './snapshot.ts'

/** What somebody changed in a snapshot by hand, found by replaying the journal up to the same seq. */
export type Edit = Readonly<{
  file: string
  /** SHA-256 of the file: the same edit is never booked twice. */
  digest: string
  seq: number
  balances: readonly BalanceEdit[]
  /** Changes that are no balance of an account, in words. */
  others: readonly string[]
}>

export type BalanceEdit = Readonly<{ account: string; change: MicroCredits }>

/** `file`: where it lies when it was set aside before. */
export async function findEdit(paths: DbPaths, file = paths.snapshot): Promise<Edit | undefined> {
  const bytes = readIfThere(file)
  const edited = bytes && editedIn(bytes, file)
  if (bytes === undefined || edited === undefined) return undefined
  const truth = stateOf(await booksAt(paths, edited))
  const digest = createHash('sha256').update(bytes).digest('hex')
  return { file, digest, seq: edited.seq, ...changesIn(edited.state, truth) }
}

/** So that a start rebuilds it from the journal; answers where it is now. */
export function setAside(paths: DbPaths, { file, digest }: Edit): string {
  const kept = path.join(paths.quarantine, `gateway.json.${digest.slice(0, 16)}.edited`)
  fs.mkdirSync(paths.quarantine, { recursive: true, mode: 0o700 })
  fs.renameSync(file, kept)
  return kept
}

function readIfThere(file: string): Buffer | undefined {
  try {
    return fs.readFileSync(file)
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

function editedIn(bytes: Buffer, file: string): Snapshot | undefined {
  let data: Snapshot
  try {
    data = JSON.parse(bytes.toString()) as Snapshot
  } catch (cause) {
    throw new Error(`${file} is not JSON any more: nothing in it can be booked. Move it away.`, {
      cause,
    })
  }
  try {
    soundSnapshot(data, file)
    return undefined
  } catch (error) {
    if (error instanceof EditedSnapshot) return data
    throw error
  }
}

async function booksAt(paths: DbPaths, { segment, seq }: Snapshot) {
  const found = await Promise.all([paths.previousSnapshot, paths.base].map(readSnapshotFile))
  const from = found.find((one) => one !== undefined && one.segment <= segment)
  const { books, position } = replaySegments(paths, { snapshot: from, upTo: segment })
  if (position.seq === seq) return books
  throw new Error(
    `The snapshot says seq ${seq}, and its segment ends with ${position.seq}. Move the file away.`,
  )
}

/** Of a snapshot, besides the accounts. */
const SECTIONS = [
  ...([
    'keys',
    'holds',
    'prices',
    'refunds',
    'repeats',
    'switches',
    'codes',
    'invited',
    'alerts',
    'overrun',
  ] as const),
]

function changesIn(said: SnapshotState, truth: SnapshotState): Pick<Edit, 'balances' | 'others'> {
  const others = SECTIONS.filter(
    (section) => !isDeepStrictEqual(said[section], plainly(truth[section])),
  )
  const balances: BalanceEdit[] = []
  const words: string[] = others.map((section) => `"${section}" was changed`)
  const known = new Map(truth.accounts.map((account) => [account.id, account]))
  for (const account of said.accounts) {
    const before = known.get(account.id)
    known.delete(account.id)
    const after = balanceIn(account)
    if (before === undefined) words.push(`account ${account.id} was added`)
    else if (after === undefined) words.push(`the balance of ${account.id} is no whole number`)
    else if (!isDeepStrictEqual({ ...account, balance: '' }, { ...plainly(before), balance: '' }))
      words.push(`more than the balance of ${account.id} was changed`)
    else if (after !== BigInt(before.balance))
      balances.push({ account: account.id, change: minus(after, micro(BigInt(before.balance))) })
  }
  for (const id of known.keys()) words.push(`account ${id} was taken out`)
  return { balances, others: words }
}

/** As it comes out of a file. */
const plainly = <T>(value: T): T =>
  value === undefined ? value : (JSON.parse(JSON.stringify(value)) as T)

/** People write numbers where the file had text. */
function balanceIn({ balance }: Readonly<{ balance: unknown }>): MicroCredits | undefined {
  const isExact = typeof balance === 'string' || Number.isSafeInteger(balance)
  if (!isExact || !/^\d{1,19}$/.test(String(balance))) return undefined
  const amount = micro(BigInt(balance as string | number))
  return amount > MICRO_MAX ? undefined : amount
}
