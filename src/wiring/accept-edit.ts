import path from 'node:path'
import { nodeSecrets } from '../credentials/node-secrets.ts'
import { findEdit, setAside, type BalanceEdit, type Edit } from '../store/lowdb/edited-snapshot.ts'
import type { Store } from '../store/lowdb/open-store.ts'
import { dbPaths } from '../store/lowdb/segments.ts'
import { openBooks } from './books.ts'

export type AcceptedEdit = Readonly<{
  keptAs: string
  booked: readonly BalanceEdit[]
  /** Changes that the account as it is now does not allow. */
  refused: readonly BalanceEdit[]
}>

export const lookForEdit = (db: string, file?: string): Promise<Edit | undefined> =>
  findEdit(dbPaths(path.resolve(db)), file)

/** Sets the edited file aside and books what it changed, an `adjust` for each account. No server may run. */
export async function acceptEdit(db: string, edit: Edit): Promise<AcceptedEdit> {
  const paths = dbPaths(path.resolve(db))
  const keptAs = edit.file === paths.snapshot ? setAside(paths, edit) : edit.file
  const store = await openBooks({
    ...{ dbDir: db, purpose: 'command' },
    onTrouble: (message) => {
      process.stderr.write(`Tollgate: ${message}\n`)
    },
  })
  try {
    const [booked, refused]: [BalanceEdit[], BalanceEdit[]] = [[], []]
    for (const one of edit.balances) ((await book(store, edit, one)) ? booked : refused).push(one)
    return { keptAs, booked, refused }
  } finally {
    await store.close()
  }
}

/** The same edit of the same account is booked once, also when this is asked for again after a crash. */
async function book(
  store: Store,
  { digest, seq }: Edit,
  { account, change }: BalanceEdit,
): Promise<boolean> {
  const act = {
    id: nodeSecrets(store.keys.hashOf).newId('adj'),
    by: 'cli',
    reason: `gateway.json was edited by hand at seq ${seq}`,
    idempotencyKey: `edit ${digest} ${account}`,
  }
  const { kind } = await store.registry.book({ kind: 'adjust', account, amount: change }, act)
  return kind === 'booked'
}
