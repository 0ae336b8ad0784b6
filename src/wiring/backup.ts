import fs from 'node:fs'
import path from 'node:path'
import type { Config } from '../config/config.ts'
import { micro, type MicroCredits } from '../domain/money.ts'
import { readBackup, writeBackup, type Manifest } from '../store/lowdb/backup/backup-file.ts'
import { BooksProof } from '../store/lowdb/backup/books-proof.ts'
import { bytesOf, copyBooks, readSnapshotBytes } from '../store/lowdb/backup/copy-books.ts'
import { DamagedBackup } from '../store/lowdb/backup/damaged-backup.ts'
import type { TarEntry } from '../store/lowdb/backup/tar.ts'
import type { Books } from '../store/books.ts'
import type { JournalEnd } from '../store/lowdb/journal.ts'
import { dbPaths, segmentsIn } from '../store/lowdb/segments.ts'
import { writeWhole } from '../store/lowdb/write-whole.ts'
import { runCommand } from './run-command.ts'
import { VERSION } from './version.ts'

export { DamagedBackup, WrongPassphrase } from '../store/lowdb/backup/damaged-backup.ts'

export type BackupWish = Readonly<{
  /** A file when it ends in .tar.gz or .tar.gz.enc, else a folder. */
  to: string
  passphrase: string | undefined
  /** How many of the folder's backups stay, this one among them. */
  keep: number | undefined
  isWithConfig: boolean
  onProgress: OnProgress
}>

/** `share`: how much of the step is done, from 0 to 1. */
export type OnProgress = (step: 'copying' | 'verifying' | 'unpacking', share: number) => void

/** What a set of books comes to. */
export type Stand = Readonly<{ seq: number; accounts: number; keys: number; credits: MicroCredits }>

export type Verified = Readonly<{ manifest: Manifest; stand: Stand; records: number }>
export type BackupMade = Verified &
  Readonly<{ file: string; bytes: number; isEncrypted: boolean; removed: readonly string[] }>

/** Copies the books as they are at this moment, reads the copy back and replays it, and only then gives it its name. */
export async function makeBackup(config: Config, wish: BackupWish): Promise<BackupMade> {
  const dir = path.resolve(config.dbDir)
  if (segmentsIn(dbPaths(dir).journal).length === 0)
    throw new Error(`${dir} has no books. DB_DIR says where they are.`)
  const created = new Date()
  const file = targetOf(wish, created)
  checkTarget(file, dir)
  fs.mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 })
  removeLeftovers(path.dirname(file))
  const temporary = path.join(path.dirname(file), `.${path.basename(file)}.${process.pid}.tmp`)
  try {
    await copyTo(temporary, { config, wish, created })
    const verified = await verifyBackup(temporary, {
      passphrase: wish.passphrase,
      onProgress: wish.onProgress,
    })
    checkTarget(file, dir) // once more: a rename would replace what has come to this name meanwhile
    fs.renameSync(temporary, file)
    syncFolder(path.dirname(file))
    note(dir, { file, created })
    const bytes = fs.statSync(file).size
    const removed = wish.keep === undefined ? [] : prune(path.dirname(file), wish.keep)
    return { ...verified, file, bytes, isEncrypted: wish.passphrase !== undefined, removed }
  } finally {
    fs.rmSync(temporary, { force: true })
  }
}

/** For the metrics, which tell when the last one was made: the backup is as good without. */
function note(dir: string, made: Readonly<{ file: string; created: Date }>): void {
  try {
    writeWhole(dbPaths(dir).lastBackup, `${JSON.stringify(made)}\n`)
  } catch {
    // A folder that may only be read, or a full disk: no reason to say that there is no backup.
  }
}

type Copying = Readonly<{ config: Config; wish: BackupWish; created: Date }>

async function copyTo(file: string, { config, wish, created }: Copying): Promise<void> {
  const paths = dbPaths(path.resolve(config.dbDir))
  const snapshot = await readSnapshotBytes(paths)
  const end = (await runCommand({ config }, 'durable-end', {})) as JournalEnd
  const total = bytesIn(paths.journal) + (snapshot?.length ?? 0)
  const progress = shareOf(total, (share) => {
    wish.onProgress('copying', share)
  })
  const { seq, chain, segment, offset } = end
  await writeBackup(file, {
    entries: entriesOf(copyBooks(paths, { end, snapshot }), wish.isWithConfig ? config : undefined),
    about: { version: VERSION, created: created.toISOString(), seq, chain, segment, offset },
    passphrase: wish.passphrase,
    onBytes: progress,
  })
}

async function* entriesOf(
  books: AsyncIterable<TarEntry>,
  config: Config | undefined,
): AsyncGenerator<TarEntry, void> {
  yield* books
  if (config === undefined) return
  const files = [
    { name: 'config/gateway.yaml', file: config.file },
    { name: 'config/.env', file: '.env' },
  ]
  for (const { name, file } of files.filter((one) => fs.existsSync(one.file))) {
    const handle = await fs.promises.open(file, 'r')
    try {
      const { size } = await handle.stat()
      yield { name, size, body: bytesOf(handle, size) }
    } finally {
      await handle.close()
    }
  }
}

/** Reads a backup from end to end, proves every digest in it, and replays its books. */
export async function verifyBackup(
  file: string,
  { passphrase, onProgress }: Pick<BackupWish, 'passphrase' | 'onProgress'>,
): Promise<Verified> {
  const proof = new BooksProof()
  const manifest = await readBackup(file, {
    passphrase,
    onFile: (name, body) => proof.enter(name, body),
    onBytes: shareOf(fs.statSync(file).size, (share) => {
      onProgress('verifying', share)
    }),
  })
  const { seq, chain } = proof.position
  if (seq !== manifest.seq || chain !== manifest.chain)
    throw new DamagedBackup(`its journal ends with seq ${seq}, its manifest with ${manifest.seq}`)
  return { manifest, stand: standOf(proof.books, seq), records: proof.records }
}

export function standOf(books: Books, seq: number): Stand {
  const accounts = [...books.accounts.values()]
  const credits = accounts.reduce((sum, { credit }) => sum + credit.balance, 0n)
  return {
    seq,
    accounts: accounts.length,
    keys: books.keysById.size,
    credits: micro(credits),
  }
}

export function shareOf(total: number, tell: (share: number) => void): (count: number) => void {
  let done = 0
  return (count) => {
    done += count
    tell(Math.min(1, done / Math.max(1, total)))
  }
}

const IS_FILE = /\.tar\.gz(?:\.enc)?$/
const MADE_HERE = /^backup-db-[0-9]{8}-[0-9]{6}\.tar\.gz(?:\.enc)?$/
const LEFT_BEHIND = /^\.backup-.*\.([0-9]+)\.tmp$/

function targetOf({ to, passphrase, keep }: BackupWish, created: Date): string {
  if (IS_FILE.test(to)) {
    if (keep !== undefined) throw new Error('--keep needs --to with a folder, not with a file.')
    return path.resolve(to)
  }
  const name = `backup-db-${stampOf(created)}.tar.gz${passphrase === undefined ? '' : '.enc'}`
  return path.resolve(to, name)
}

/** 20261121-062250, in UTC, so that names sort by age. */
export const stampOf = (time: Date): string =>
  time.toISOString().slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '-')

function checkTarget(file: string, dir: string): void {
  if (fs.existsSync(file))
    throw new Error(`${file} exists already. Give another name; a backup is never written over.`)
  if (!path.relative(dir, file).startsWith('..'))
    throw new Error(
      `${file} lies in the data folder and would be lost with it. Choose another --to.`,
    )
}

/** Half a backup of a run that was killed. */
function removeLeftovers(folder: string): void {
  for (const name of fs.readdirSync(folder)) {
    const owner = Number(LEFT_BEHIND.exec(name)?.[1] ?? process.pid)
    if (!isAlive(owner)) fs.rmSync(path.join(folder, name), { force: true })
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

/** Only those that this program named, the oldest first. */
function prune(folder: string, keep: number): readonly string[] {
  const names = fs.readdirSync(folder).filter((name) => MADE_HERE.test(name))
  const removed = names.sort().slice(0, -keep)
  for (const name of removed) fs.rmSync(path.join(folder, name))
  return removed
}

const bytesIn = (folder: string): number =>
  fs.readdirSync(folder).reduce((sum, name) => sum + sizeOf(path.join(folder, name)), 0)

/** A file may be packed or replaced while it is looked at. */
const sizeOf = (file: string): number => fs.statSync(file, { throwIfNoEntry: false })?.size ?? 0

function syncFolder(folder: string): void {
  const fd = fs.openSync(folder, 'r')
  fs.fsyncSync(fd)
  fs.closeSync(fd)
}
