import type { AuditTrail } from '../../../ports/trail.ts'
import type { UsageBook } from '../../../ports/usage.ts'
import { dbPaths } from '../segments.ts'
import { UsageReader } from './reader.ts'

/** The past of a data folder that no server writes to, read here and now; undefined where there is no journal. */
export function folderUsage(
  dir: string,
  onMaking: (share: number) => void,
): (UsageBook & AuditTrail) | undefined {
  const reader = new UsageReader(dbPaths(dir))
  const end = reader.end()
  if (end === undefined) return undefined
  const missing = reader.missing(end)
  for (const [done, segment] of missing.entries()) {
    onMaking(done / missing.length)
    reader.make(segment)
  }
  return {
    sum: (query) => asked(() => reader.sum(query, end)),
    request: (id) => asked(() => reader.request(id, end)),
    trail: (query) => asked(() => reader.trail(query, end)),
  }
}

/** What goes wrong comes as a rejection, as it does from a thread. */
const asked = <T>(read: () => T): Promise<T> =>
  new Promise((resolve) => {
    resolve(read())
  })
