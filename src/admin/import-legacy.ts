import { isObject } from '../domain/chat-request.ts'
import { invalidRequest } from '../domain/failure.ts'
import type { LegacyProblem } from '../domain/legacy-file.ts'
import { MICRO_MAX, parseCredits, plus, ZERO, type MicroCredits } from '../domain/money.ts'
import type { Keys } from '../ports/keys.ts'
import type { Registry } from '../ports/ledger.ts'
import type { Secrets } from '../ports/secrets.ts'

/** A key of the predecessor as it comes here: its hash alone, never itself. */
type LegacyEntry = Readonly<{
  place: string
  account: string
  hash: string
  hint: string
  amount: MicroCredits
  isWeak: boolean
}>

export type LegacyBatch = Readonly<{ entries: readonly LegacyEntry[]; isDryRun: boolean }>

/** With problems nothing of the batch was done. `known`: were imported before, and stay as they are. */
export type LegacyImported = Readonly<{
  imported: number
  known: number
  problems: readonly LegacyProblem[]
}>

export type LegacyImport = Readonly<{ run(batch: LegacyBatch): Promise<LegacyImported> }>

type Needs = Readonly<{ registry: Registry; keys: Keys; secrets: Secrets }>

/** Takes over keys of the predecessor with their credit. A key that is there was taken over, so running it twice adds nothing. */
export function legacyImport(needs: Needs): LegacyImport {
  return {
    async run({ entries, isDryRun }) {
      const problems = conflictsIn(entries, needs)
      const fresh = entries.filter(({ hash }) => needs.keys.find(hash) === undefined)
      if (problems.length > 0) return { imported: 0, known: 0, problems }
      if (!isDryRun) await Promise.all(fresh.flatMap((entry) => takeOver(entry, needs)))
      return { imported: fresh.length, known: entries.length - fresh.length, problems }
    },
  }
}

const NEW_ACCOUNT_TIER = 'free'
/** Old keys come by the command line alone. */
const ACTOR = 'cli'

/**
 * Account, key and credit in one step: what is recorded in one turn reaches the disk in one batch, whole or not at all,
 * so a key that is there has its credit.
 */
function takeOver(entry: LegacyEntry, { registry, secrets }: Needs): readonly Promise<void>[] {
  const { account, hash, hint, amount, isWeak } = entry
  const steps: Promise<void>[] = []
  if (registry.account(account) === undefined)
    steps.push(registry.openAccount({ id: account, tier: NEW_ACCOUNT_TIER, by: ACTOR }))
  const weak = isWeak ? { weak: true as const } : {}
  const key = {
    id: secrets.newId('key'),
    hash,
    hint,
    account,
    role: 'user' as const,
    by: ACTOR,
    ...weak,
  }
  steps.push(registry.addKey(key))
  if (amount > 0n) steps.push(bookCredit(entry, registry))
  return steps
}

async function bookCredit(
  { account, hash, amount }: LegacyEntry,
  registry: Registry,
): Promise<void> {
  const act = { id: `legacy:${hash}`, by: ACTOR, reason: 'imported' }
  const { kind } = await registry.book({ kind: 'credit', account, amount }, act)
  if (kind !== 'booked') throw new Error(`The credit of ${account} was not booked: ${kind}.`)
}

function conflictsIn(
  entries: readonly LegacyEntry[],
  { registry, keys }: Needs,
): readonly LegacyProblem[] {
  const coming = new Map<string, MicroCredits>()
  return entries.flatMap(({ place, account, hash, amount }) => {
    const known = keys.find(hash)
    if (known?.account === account && known.role === 'user') return []
    if (known !== undefined)
      return [{ place: `${place}.id`, what: `is a key of ${known.account} already` }]
    const balance = registry.account(account)?.credit.balance ?? ZERO
    const sum = plus(coming.get(account) ?? balance, amount)
    coming.set(account, sum)
    const what = `makes the credit of ${account} too large`
    return sum > MICRO_MAX ? [{ place: `${place}.tokens_gpt`, what }] : []
  })
}

/** Reads a batch as the command line sends it. */
export function parseLegacyBatch(body: unknown): LegacyBatch {
  const { entries, dry_run: isDryRun } = isObject(body) ? body : {}
  if (!Array.isArray(entries) || typeof isDryRun !== 'boolean')
    throw invalidRequest('Send {"entries": […], "dry_run": true or false}.')
  return { entries: entries.map(parseEntry), isDryRun }
}

function parseEntry(entry: unknown): LegacyEntry {
  const { place, account, hash, hint, credits, weak } = isObject(entry) ? entry : {}
  const amount = parseCredits(credits)
  const texts = [place, account, hash, hint].every((one) => typeof one === 'string')
  if (!texts || amount === undefined) throw invalidRequest('An entry lacks one of its fields.')
  return {
    ...({ place, account, hash, hint } as Record<'place' | 'account' | 'hash' | 'hint', string>),
    ...{ amount, isWeak: weak === true },
  }
}
