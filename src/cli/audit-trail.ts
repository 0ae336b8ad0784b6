import { TRAIL_KINDS } from '../domain/trail.ts'
import { booksReader } from '../wiring/read-books.ts'
import type { ReadTrail } from '../wiring/reading-commands.ts'
import { dbDir } from './db-dir.ts'
import { progressLine } from './progress.ts'
import type { Given, Resource, Result } from './resource.ts'

const OPTIONS = {
  account: { value: 'NAME', does: 'only what was done to this account' },
  kind: {
    value: 'KIND',
    does: `only one of ${TRAIL_KINDS.join(', ')}`,
  },
  by: { value: 'WHO', does: 'only what this key did, by its id; or master, cli, gateway' },
  limit: { value: 'N', does: 'how many entries, 1 to 1000 (100 if left out)' },
  before: { value: 'SEQ', does: 'only entries before this one, to read on from there' },
}

export const auditTrail: Resource = {
  does: 'who did what to accounts, keys and credit, newest first, from the journal',
  actions: {
    '': {
      usage: 'audit-trail [options]',
      does: 'Lists what operators did, newest first.',
      options: OPTIONS,
      words: [],
      needed: 0,
      run: printTrail,
    },
  },
}

async function printTrail({ before, ...parameters }: Given): Promise<Result> {
  const seq = before === undefined ? undefined : Number(before)
  if (seq !== undefined && !Number.isSafeInteger(seq)) throw new Error('--before must be a seq.')
  const progress = progressLine()
  const read = booksReader({ dbDir: dbDir(), progress: progress.show })
  const trail = (await read('audit-trail', { parameters, before: seq })) as ReadTrail
  progress.clear()
  const more = trail.has_more ? [`… more: --before ${trail.data.at(-1)?.seq ?? 0}`] : []
  return { json: trail, text: [...trail.data.map(lineOf), ...more, ''].join('\n') }
}

/** One line each: when, who, what, and all that is said of it. */
function lineOf({ seq, at, by, kind, ...facts }: ReadTrail['data'][number]): string {
  const told = Object.entries(facts).filter(([, fact]) => fact !== null && fact !== '')
  const words = told.map(([name, fact]) => `${name}=${wordsOf(fact)}`)
  return [seq, at, by ?? '?', kind, ...words].join('  ')
}

/** Limits, say, by their names. */
const wordsOf = (fact: unknown): string =>
  typeof fact === 'string' ? fact : JSON.stringify(fact).replaceAll(/["{}[\]]/g, '')
