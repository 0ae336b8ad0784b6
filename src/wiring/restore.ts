import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { pipeline } from 'node:stream/promises'
import { once, readBackup, type Manifest } from '../store/lowdb/backup/backup-file.ts'
import { BooksProof } from '../store/lowdb/backup/books-proof.ts'
import {
  archiveNotes,
  readSnapshotBytes,
  segmentsBefore,
} from '../store/lowdb/backup/copy-books.ts'
import { DamagedBackup } from '../store/lowdb/backup/damaged-backup.ts'
import {
  finishSwitch,
  makeStaging,
  removeStagings,
  switchBooks,
} from '../store/lowdb/backup/switch-books.ts'
import { claimFolder } from '../store/lowdb/claim.ts'
import { dbPaths } from '../store/lowdb/segments.ts'
import { socketPath } from '../store/lowdb/socket-path.ts'
import { auditFolder, type Finding } from './audit.ts'
import { shareOf, stampOf, standOf, type OnProgress, type Stand } from './backup.ts'

export type RestoreWish = Readonly<{
  file: string
  dbDir: string
  passphrase: string | undefined
  isDryRun: boolean
  /** Takes books into which the audit found something: better than none, where no other backup is left. */
  isDespiteFindings: boolean
  onProgress: OnProgress
  onNote: (text: string) => void
  /** Shown what will change; nothing is changed unless it agrees. */
  confirm: (plan: RestorePlan) => Promise<boolean>
}>

/** `trouble`: why the present books cannot be read, or not to their end. */
export type RestorePlan = Readonly<{
  manifest: Manifest
  before: Stand & Readonly<{ trouble: string | undefined }>
  after: Stand
  findings: readonly Finding[]
}>

export type Restored = RestorePlan & Readonly<{ isDone: boolean; safety: string | undefined }>

/** The audit found something in the books of the backup. */
class UntrueBooks extends Error {
  override readonly name = 'UntrueBooks'
}

/** Unpacks a backup beside the books, proves it there, and then puts it in their place. */
export async function restoreBackup(wish: RestoreWish): Promise<Restored> {
  if (!fs.existsSync(wish.file)) throw new Error(`${wish.file} does not exist.`)
  const dir = path.resolve(wish.dbDir)
  if (wish.isDryRun) return rehearse(dir, wish)
  fs.mkdirSync(dir, { recursive: true, mode: 0o700 })
  const claim = await claimFolder({
    ...{ dir, purpose: 'command' },
    socket: socketPath(dbPaths(dir).socket),
  })
  try {
    tidy(dir, wish)
    return await replace(dir, wish)
  } finally {
    claim.release()
  }
}

async function replace(dir: string, wish: RestoreWish): Promise<Restored> {
  const staging = makeStaging(dir)
  let isDecided = false
  try {
    const plan = await prepare(staging, dir, wish)
    if (!(await wish.confirm(plan))) return { ...plan, isDone: false, safety: undefined }
    isDecided = true
    const { safety, leaving } = switchBooks(dir, staging, stampOf(new Date()))
    return {
      ...plan,
      isDone: true,
      safety: leaving.length > 0 ? path.join(dir, safety) : undefined,
    }
  } finally {
    if (!isDecided) fs.rmSync(staging, { recursive: true, force: true })
  }
}

/** Everything but the switch, in the system's folder for temporary files. */
async function rehearse(dir: string, wish: RestoreWish): Promise<Restored> {
  const staging = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-restore-'))
  try {
    const plan = await prepare(staging, dir, wish)
    return { ...plan, isDone: false, safety: undefined }
  } finally {
    fs.rmSync(staging, { recursive: true, force: true })
  }
}

/** What an earlier restore left when it was interrupted. */
function tidy(dir: string, { onNote }: RestoreWish): void {
  const finished = finishSwitch(dir)
  if (finished !== undefined) {
    onNote(
      `An earlier restore was interrupted after it was decided. It has been finished; the books before it are in ` +
        `${path.join(dir, finished.safety)}.`,
    )
  }
  if (removeStagings(dir) > 0)
    onNote(
      'An earlier restore was interrupted before it changed anything; what it left was removed.',
    )
}

async function prepare(staging: string, dir: string, wish: RestoreWish): Promise<RestorePlan> {
  const manifest = await unpack(staging, wish)
  const findings = auditOf(staging, wish)
  const { trouble, ...after } = await standIn(staging)
  if (trouble !== undefined) throw new DamagedBackup(trouble)
  if (after.seq !== manifest.seq)
    throw new DamagedBackup(
      `its journal ends with seq ${after.seq}, its manifest with ${manifest.seq}`,
    )
  return { manifest, before: await standIn(dir), after, findings }
}

const BOOKS = 'db/'

async function unpack(staging: string, wish: RestoreWish): Promise<Manifest> {
  const onBytes = shareOf(fs.statSync(wish.file).size, (share) => {
    wish.onProgress('unpacking', share)
  })
  const folders = new Set([staging])
  const manifest = await readBackup(wish.file, {
    ...{ passphrase: wish.passphrase, onBytes },
    async onFile(name, body) {
      if (!name.startsWith(BOOKS)) return
      const file = path.join(staging, name.slice(BOOKS.length))
      fs.mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 })
      folders.add(path.dirname(file))
      await writeFile(file, body)
    },
  })
  for (const folder of folders) syncFolder(folder)
  return manifest
}

async function writeFile(file: string, body: AsyncIterable<Buffer>): Promise<void> {
  const handle = await fs.promises.open(file, 'wx', 0o600)
  try {
    await fs.promises.writeFile(handle, body)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

function auditOf(staging: string, { isDespiteFindings }: RestoreWish): readonly Finding[] {
  const { findings, count } = auditFolder({ db: staging })
  if (count === 0 || isDespiteFindings) return findings
  const first = findings
    .slice(0, 5)
    .map(({ rule, what, seq }) => `${rule} ${what} (seq ${seq ?? '?'})`)
  throw new UntrueBooks(
    [
      `The audit of this backup has ${count} findings, so it is not restored:`,
      ...first,
      'Take an older backup; or, if this is the best there is, add --despite-findings. Nothing was changed.',
    ].join('\n'),
  )
}

/** What a folder's books come to, as far as they can be read; nothing in it is changed. */
async function standIn(dir: string): Promise<RestorePlan['before']> {
  const paths = dbPaths(dir)
  const proof = new BooksProof()
  let trouble: string | undefined
  try {
    const snapshot = await readSnapshotBytes(paths)
    if (snapshot !== undefined) await proof.enter('gateway.json', once(snapshot))
    for await (const { name, body } of archiveNotes(paths)) await proof.enter(name, body)
    for await (const { name, body } of segmentsBefore(paths, Infinity))
      await proof.enter(name, body)
  } catch (error) {
    trouble = error instanceof Error ? error.message : String(error)
  }
  return { ...standOf(proof.books, proof.position.seq), trouble }
}

function syncFolder(folder: string): void {
  const fd = fs.openSync(folder, 'r')
  fs.fsyncSync(fd)
  fs.closeSync(fd)
}

/** Puts the configuration files of a backup into a folder that does not have them yet. */
export async function unpackConfig(
  file: string,
  { folder, passphrase }: { folder: string; passphrase: string | undefined },
): Promise<readonly string[]> {
  const written: string[] = []
  await readBackup(file, {
    passphrase,
    onBytes: () => undefined,
    async onFile(name, body) {
      if (!name.startsWith('config/')) return
      fs.mkdirSync(folder, { recursive: true, mode: 0o700 })
      const target = path.join(folder, path.basename(name))
      await pipeline(body, fs.createWriteStream(target, { flags: 'wx', mode: 0o600 }))
      written.push(target)
    },
  })
  return written
}
