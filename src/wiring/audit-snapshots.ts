import { createHash } from 'node:crypto'
import fs from 'node:fs'
import { plain, type BooksText, type Report } from '../store/audit-line.ts'
import type { Position } from './audit-trail.ts'

/** A15: a snapshot can be read, is what was written, and is what the journal adds up to at its seq. */
export type SnapshotOnDisk = Readonly<
  Position & { segment: number; state: BooksText; file: string }
>

export function readSnapshot(file: string, report: Report): SnapshotOnDisk[] {
  if (!fs.existsSync(file)) return []
  const snapshot = readJson(file) as (SnapshotOnDisk & { digest: string }) | null | undefined
  const text = JSON.stringify(snapshot?.state ?? null)
  const isWhole = snapshot?.digest === createHash('sha256').update(text).digest('hex')
  if (isWhole) return [{ ...snapshot, file }]
  report('A15', 'the snapshot is broken, or was changed', { file, offset: 0 })
  return []
}

export function readJson(file: string): unknown {
  try {
    return JSON.parse(fs.readFileSync(file, 'utf8'))
  } catch {
    return undefined // absent or torn: a start copes with both
  }
}

export function compareSnapshot(
  { file, seq, chain, state }: SnapshotOnDisk,
  journal: Readonly<{ items: Map<string, string>; chain: string }>,
  report: Report,
): void {
  const at = { file, offset: 0, seq }
  if (chain !== journal.chain) report('A15', 'covers another history', at)
  const items = itemsOf(state)
  for (const name of new Set([...items.keys(), ...journal.items.keys()])) {
    const [said, due] = [items.get(name), journal.items.get(name)]
    if (said === due || isOlder(said, due)) continue
    const what = `${name} is ${said ?? 'absent'}; the journal gives ${due ?? 'none'}`
    const account = /^account (.*)$/.exec(name)?.[1]
    report('A15', what, account === undefined ? at : { ...at, account })
  }
}

/** Snapshots of older versions do not say who disabled an account. */
const isOlder = (said: string | undefined, due: string | undefined): boolean =>
  said !== undefined &&
  !said.includes('"disabledBy":') &&
  said === due?.replace(/"disabledBy":"[^"]*",/, '')

function itemsOf(state: BooksText): Map<string, string> {
  const items = new Map([['overrun', plain(state.overrun)]])
  for (const one of state.accounts) items.set(`account ${one.id}`, plain(one))
  for (const one of state.keys) items.set(`key ${one.id}`, plain(one))
  for (const one of state.users ?? []) items.set(`user ${one.name}`, plain(one))
  for (const [id, until] of state.endedSessions ?? [])
    items.set(`ended session ${id}`, plain(until))
  for (const one of state.holds) items.set(`hold ${one.id}`, plain(one))
  for (const one of state.refunds ?? []) items.set(`refund ${one.request}`, plain(one))
  for (const one of state.repeats ?? [])
    items.set(`repeat ${String(one['by'])} ${one.idempotency.key}`, plain(one))
  for (const one of state.alerts?.webhooks ?? []) items.set(`webhook ${one.id}`, plain(one))
  for (const one of state.alerts?.pending ?? []) items.set(`alert ${one.id}`, plain(one))
  for (const one of state.alerts?.raised ?? []) items.set(`raised ${one}`, plain(true))
  for (const one of state.codes ?? []) items.set(`code ${one.id}`, plain(one))
  for (const [one, by] of state.invited ?? []) items.set(`invited ${one}`, plain(by))
  for (const one of state.switches ?? []) items.set(`switch ${one.target}`, plain(one))
  for (const one of state.prices) items.set(`price ${one.version}`, plain(one))
  return items
}
