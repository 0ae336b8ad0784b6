import type { LegacyImported } from '../admin/import-legacy.ts'
import type { Config } from '../config/config.ts'
import { weakness } from '../config/secret-strength.ts'
import { nodeSecrets } from '../credentials/node-secrets.ts'
import type { LegacyKey, LegacyProblem } from '../domain/legacy-file.ts'
import { formatCredits, micro, type MicroCredits } from '../domain/money.ts'
import { hashOfSecret } from '../store/lowdb/keys.ts'
import { withCommands, type Run } from './run-command.ts'

export type ImportWish = Readonly<{
  keys: readonly LegacyKey[]
  isDryRun: boolean
  onProgress: (step: string, share: number) => void
}>

export type Imported = Readonly<{
  imported: number
  known: number
  credits: MicroCredits
  /** Where the keys stand that should be replaced. */
  weak: readonly string[]
  problems: readonly LegacyProblem[]
}>

/** Bounded by what one command may carry, and by how long the books may be busy with it. */
const BATCH = 1_000

/** Takes over the keys of the predecessor: looks at all of them first, and begins only when none is in the way. */
export async function importLegacy(config: Config, wish: ImportWish): Promise<Imported> {
  const entries = wish.keys.map(entryOf)
  const credits = micro(wish.keys.reduce((sum, { amount }) => sum + amount, 0n))
  const weak = entries.filter((one) => one.weak).map(({ place }) => place)
  return withCommands(config, async (run) => {
    const looked = await inBatches(run, entries, { ...wish, isDryRun: true })
    const isEnough = wish.isDryRun || looked.problems.length > 0
    const done = isEnough ? looked : await inBatches(run, entries, wish)
    return { ...done, credits, weak }
  })
}

type SentEntry = Readonly<Record<'place' | 'account' | 'hash' | 'hint' | 'credits', string>> &
  Readonly<{ weak: boolean }>

function entryOf({ place, secret, account, amount }: LegacyKey): SentEntry {
  const { hash, hint } = nodeSecrets(hashOfSecret).keyFrom(secret)
  const weak = weakness(secret) !== undefined
  return { place, account, hash, hint, credits: formatCredits(amount), weak }
}

async function inBatches(
  run: Run,
  entries: readonly SentEntry[],
  { isDryRun, onProgress }: Omit<ImportWish, 'keys'>,
): Promise<LegacyImported> {
  let sum: LegacyImported = { imported: 0, known: 0, problems: [] }
  for (let at = 0; at < entries.length; at += BATCH) {
    onProgress(isDryRun ? 'checking' : 'importing', at / entries.length)
    const batch = { entries: entries.slice(at, at + BATCH), dry_run: isDryRun }
    const { imported, known, problems } = (await run('import-legacy', batch)) as LegacyImported
    sum = {
      imported: sum.imported + imported,
      known: sum.known + known,
      problems: [...sum.problems, ...problems],
    }
  }
  return sum
}
