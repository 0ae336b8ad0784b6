import { createHash, type Hash } from 'node:crypto'
import fs from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { createGunzip, createGzip, gzipSync } from 'node:zlib'
import { DamagedBackup } from './damaged-backup.ts'
import { isEncrypted, newSealing, seal, sealingOf, unseal } from './encryption.ts'
import { tar, untar, type TarEntry } from './tar.ts'

/**
 * A backup is one file: a tar.gz that `tar` itself can read, with a manifest as its last entry, or the same encrypted.
 * It is written and read as a stream.
 */
export type Manifest = Readonly<{
  format: string
  /** Of the program that made it. */
  version: string
  created: string
  /** The last entry of the books in it, and where it stands in the journal. */
  seq: number
  chain: string
  segment: number
  offset: number
  files: readonly { name: string; size: number; sha256: string }[]
}>

export type Writing = Readonly<{
  entries: AsyncIterable<TarEntry>
  about: Omit<Manifest, 'format' | 'files'>
  passphrase: string | undefined
  onBytes: (count: number) => void
}>

const FORMAT = 'tollgate-backup/1'
const MANIFEST = 'manifest.json'
/** Nothing else is unpacked, whatever a file calls itself. */
const KNOWN =
  /^(?:db\/gateway\.json|db\/archive\/[\w-]+\.json|db\/journal\/(?:HEAD|[0-9]{8}\.jsonl(?:\.gz)?)|config\/(?:gateway\.yaml|\.env))$/
/** Most of the journal is hashes and digits; more effort hardly makes it smaller. */
const GZIP_LEVEL = 3
const GZIP_MAGIC = Buffer.from('1f8b', 'hex')

/** Writes a new file, readable by its owner alone and on the disk when this resolves. */
export async function writeBackup(
  file: string,
  { entries, about, passphrase, onBytes }: Writing,
): Promise<Manifest> {
  const sealing = passphrase === undefined ? undefined : await newSealing(passphrase)
  const handle = await fs.promises.open(file, 'wx', 0o600)
  try {
    const listed: Listed[] = []
    await pipeline(
      tar(withManifest(entries, { about, listed, onBytes }), Date.parse(about.created)),
      createGzip({ level: GZIP_LEVEL }),
      async (bytes: AsyncIterable<Buffer>) => {
        const whole = withDigest(bytes)
        await fs.promises.writeFile(handle, sealing === undefined ? whole : seal(sealing, whole))
      },
    )
    await handle.sync()
    return manifestOf(about, listed)
  } finally {
    await handle.close()
  }
}

type Listed = Manifest['files'][number]
type Listing = Pick<Writing, 'about' | 'onBytes'> & { readonly listed: Listed[] }

async function* withManifest(
  entries: AsyncIterable<TarEntry>,
  { about, listed, onBytes }: Listing,
): AsyncGenerator<TarEntry, void> {
  for await (const { name, size, body } of entries) {
    const hash = createHash('sha256')
    yield { name, size, body: hashed(body, hash, onBytes) }
    listed.push({ name, size, sha256: hash.digest('hex') })
  }
  const text = Buffer.from(`${JSON.stringify(manifestOf(about, listed), null, 1)}\n`)
  yield { name: MANIFEST, size: text.length, body: once(text) }
}

const manifestOf = (about: Writing['about'], files: readonly Listed[]): Manifest => ({
  format: FORMAT,
  ...about,
  files,
})

export type Reading = Readonly<{
  passphrase: string | undefined
  /** Is given each file of the backup in turn, before its digest is known to be right. */
  onFile: (name: string, body: AsyncIterable<Buffer>) => Promise<void>
  onBytes: (count: number) => void
}>

/** Reads a backup from its first byte to its last, and throws `DamagedBackup` unless all of it is what was written. */
export async function readBackup(file: string, reading: Reading): Promise<Manifest> {
  const start = await firstBytes(file)
  const sealing = isEncrypted(start) ? await sealingOf(start, reading.passphrase) : undefined
  if (sealing === undefined && !start.subarray(0, 2).equals(GZIP_MAGIC))
    throw new DamagedBackup('it does not begin like a backup of Tollgate')
  const stored = fs.createReadStream(file, { start: sealing?.header.length ?? 0 })
  const opened = sealing === undefined ? stored : unseal(sealing, stored)
  const found: Found = { listed: [], manifest: undefined }
  try {
    await pipeline(
      checkingDigest(opened, reading.onBytes),
      createGunzip(),
      async (bytes: AsyncIterable<Buffer>) => {
        for await (const entry of untar(bytes)) await take(entry, found, reading)
      },
    )
  } catch (error) {
    throw asDamage(error)
  }
  return checked(found)
}

/** What the unpacking makes of damage. */
function asDamage(error: unknown): unknown {
  if (!(error instanceof Error && 'code' in error)) return error
  const code = String(error.code)
  if (code.startsWith('Z_'))
    return new DamagedBackup(`it cannot be unpacked (${error.message})`, { cause: error })
  // The unpacking came to an end before the file did.
  const isEarly = code === 'ABORT_ERR' || code === 'ERR_STREAM_PREMATURE_CLOSE'
  return isEarly ? new DamagedBackup('its end is not where it should be', { cause: error }) : error
}

type Found = { readonly listed: Listed[]; manifest: string | undefined }

async function take({ name, size, body }: TarEntry, found: Found, reading: Reading): Promise<void> {
  if (found.manifest !== undefined) throw new DamagedBackup('something follows its manifest')
  if (name === MANIFEST) {
    const pieces: Buffer[] = []
    for await (const piece of body) pieces.push(piece)
    found.manifest = Buffer.concat(pieces).toString()
    return
  }
  if (!KNOWN.test(name)) throw new DamagedBackup('it has a file that does not belong there')
  const hash = createHash('sha256')
  const passed = hashed(body, hash, () => undefined)
  await reading.onFile(name, passed)
  for await (const _ of passed); // what nobody wanted, so that the digest covers all of it
  found.listed.push({ name, size, sha256: hash.digest('hex') })
}

/** By now the digest of the whole is known to be right, so what is read here is what was written. */
function checked({ listed, manifest: text }: Found): Manifest {
  if (text === undefined) throw new DamagedBackup('it has no manifest')
  const manifest = JSON.parse(text) as Manifest
  if (manifest.format !== FORMAT)
    throw new DamagedBackup(`it has the format ${manifest.format}, which is not known here`)
  for (const [index, { name, size, sha256 }] of manifest.files.entries()) {
    const file = listed[index]
    if (file?.name !== name || file.size !== size || file.sha256 !== sha256)
      throw new DamagedBackup(`${name} is not what the manifest says`)
  }
  if (listed.length !== manifest.files.length)
    throw new DamagedBackup('it has files that the manifest does not name')
  return manifest
}

async function* hashed(
  body: AsyncIterable<Buffer>,
  hash: Hash,
  onBytes: (count: number) => void,
): AsyncGenerator<Buffer, void> {
  for await (const piece of body) {
    hash.update(piece)
    onBytes(piece.length)
    yield piece
  }
}

/**
 * The last bytes of a tar.gz: a second gzip member, which unpackers join to the first and `tar` finds behind its end. It
 * holds the SHA-256 of all bytes before it, because gzip has bits of its own that say nothing and that it does not check.
 */
const trailerOf = (hash: Hash): Buffer => gzipSync(hash.digest('hex'), { level: 0 })
const TRAILER_BYTES = trailerOf(createHash('sha256')).length

async function* withDigest(bytes: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void> {
  const hash = createHash('sha256')
  for await (const piece of bytes) {
    hash.update(piece)
    yield piece
  }
  yield trailerOf(hash)
}

/** Passes on all but the trailer, which it checks. */
async function* checkingDigest(
  bytes: AsyncIterable<Buffer>,
  onBytes: (count: number) => void,
): AsyncGenerator<Buffer, void> {
  const hash = createHash('sha256')
  let kept: Buffer = Buffer.alloc(0)
  for await (const piece of bytes) {
    onBytes(piece.length)
    kept = Buffer.concat([kept, piece])
    const sure = kept.subarray(0, Math.max(0, kept.length - TRAILER_BYTES))
    kept = kept.subarray(sure.length)
    hash.update(sure)
    if (sure.length > 0) yield sure
  }
  if (!kept.equals(trailerOf(hash)))
    throw new DamagedBackup('its digest is another: it was changed, or cut short')
}

async function firstBytes(file: string): Promise<Buffer> {
  const handle = await fs.promises.open(file, 'r')
  try {
    const bytes = Buffer.alloc(4096)
    const { bytesRead } = await handle.read(bytes, 0, bytes.length, 0)
    return bytes.subarray(0, bytesRead)
  } finally {
    await handle.close()
  }
}

export async function* once(bytes: Buffer): AsyncGenerator<Buffer, void> {
  await Promise.resolve() // for a body that is at hand
  yield bytes
}
