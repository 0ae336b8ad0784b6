import { expect } from 'vitest'
import { openStore } from '../../src/store/lowdb/open-store.ts'

/** What 64 MiB of requests do, several times over: in a folder that no server has, segments are full early. */
export async function sealSegments(dir: string, account: string): Promise<void> {
  const fail = (why: unknown) => {
    throw new Error(String(why))
  }
  const store = await openStore({
    ...{ dir, purpose: 'server', now: Date.now, segmentBytesMax: 4_000 },
    ...{ onFatal: fail, onTrouble: fail },
  })
  for (let count = 0; count < 60; count++)
    await store.registry.setAccount(account, { note: `${count}`.padEnd(300, '.') })
  await expect.poll(store.snapshotAt, { timeout: 20_000 }).toBeDefined()
  await store.close()
}
