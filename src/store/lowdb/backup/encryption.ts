import { createCipheriv, createDecipheriv, createHash, randomBytes, scrypt } from 'node:crypto'
import { DamagedBackup, WrongPassphrase } from './damaged-backup.ts'

/**
 * An encrypted backup is a line of JSON that says how its key is made of the passphrase, a line with the SHA-256 of that
 * one, and then the tar.gz in chunks of 64 KiB, each sealed with AES-256-GCM. Each file has a key of its own, by its
 * salt. The nonce of a chunk is its number and whether it is the last, so a chunk that is missing, moved or cut off
 * does not open.
 */
const FORMAT = 'tollgate-backup-encrypted/1'
const CHUNK = 64 * 1024
const TAG = 16
/** 128 MiB of memory and a third of a second for each guess. */
const COST = { N: 2 ** 17, r: 8, p: 1 } as const
const MEMORY_MAX = 256 * 1024 * 1024
const [KEY_BYTES, CHECK_BYTES] = [32, 16]

type Header = Readonly<{ format: string; N: number; r: number; p: number }> &
  Readonly<Record<'salt' | 'check', string>>

/** What chunks are sealed and opened with. */
export type Sealing = Readonly<{ header: Buffer; key: Buffer }>

export const isEncrypted = (start: Buffer): boolean =>
  start.subarray(0, 16).equals(Buffer.from(`{"format":"${FORMAT}`).subarray(0, 16))

export async function newSealing(passphrase: string): Promise<Sealing> {
  const salt = randomBytes(32).toString('hex')
  const { key, check } = await keyOf(passphrase, { ...COST, salt })
  const line = JSON.stringify({
    ...{ format: FORMAT, cipher: 'aes-256-gcm', chunk: CHUNK, kdf: 'scrypt', ...COST },
    ...{ salt, check },
  })
  return { header: Buffer.from(`${line}\n${sha256(line)}\n`), key }
}

/** `start`: the first 4 KiB of the file. */
export async function sealingOf(start: Buffer, passphrase: string | undefined): Promise<Sealing> {
  const [line = '', digest = ''] = start.toString('latin1').split('\n')
  const header = Buffer.from(`${line}\n${digest}\n`, 'latin1')
  if (sha256(line) !== digest) throw new DamagedBackup('its first lines are damaged')
  const said = JSON.parse(line) as Header
  if (said.format !== FORMAT)
    throw new DamagedBackup(`it has the format ${said.format}; this program reads ${FORMAT}`)
  if (passphrase === undefined) {
    throw new WrongPassphrase(
      'The backup is encrypted. Give its passphrase: --passphrase-file FILE, or TOLLGATE_BACKUP_PASSPHRASE.',
    )
  }
  const { key, check } = await keyOf(passphrase, said)
  if (check !== said.check) throw new WrongPassphrase('This is not the passphrase of the backup.')
  return { header, key }
}

export async function* seal(
  { header, key }: Sealing,
  source: AsyncIterable<Buffer>,
): AsyncGenerator<Buffer, void> {
  yield header
  for await (const { number, bytes, isLast } of chunksOf(source, CHUNK)) {
    const cipher = createCipheriv('aes-256-gcm', key, nonceOf(number, isLast)).setAAD(header)
    yield Buffer.concat([cipher.update(bytes), cipher.final(), cipher.getAuthTag()])
  }
}

/** `source`: what comes behind the header. */
export async function* unseal(
  { header, key }: Sealing,
  source: AsyncIterable<Buffer>,
): AsyncGenerator<Buffer, void> {
  for await (const { number, bytes, isLast } of chunksOf(source, CHUNK + TAG)) {
    const decipher = createDecipheriv('aes-256-gcm', key, nonceOf(number, isLast)).setAAD(header)
    try {
      decipher.setAuthTag(bytes.subarray(-TAG))
      yield Buffer.concat([decipher.update(bytes.subarray(0, -TAG)), decipher.final()])
    } catch (cause) {
      const at = header.length + number * (CHUNK + TAG)
      const what = isLast ? 'it is cut short, or damaged' : 'it is damaged'
      throw new DamagedBackup(`${what} at byte ${at} or soon after`, { cause })
    }
  }
}

type Chunk = Readonly<{ number: number; bytes: Buffer; isLast: boolean }>

/** A chunk is the last when nothing comes after it, so there is always one, if only an empty one. */
async function* chunksOf(source: AsyncIterable<Buffer>, size: number): AsyncGenerator<Chunk, void> {
  let [number, rest] = [0, Buffer.alloc(0)]
  for await (const piece of source) {
    rest = Buffer.concat([rest, piece])
    for (; rest.length > size; rest = rest.subarray(size))
      yield { number: number++, bytes: rest.subarray(0, size), isLast: false }
  }
  yield { number, bytes: rest, isLast: true }
}

function nonceOf(number: number, isLast: boolean): Buffer {
  const nonce = Buffer.alloc(12)
  nonce.writeUIntBE(number, 5, 6)
  nonce[11] = isLast ? 1 : 0
  return nonce
}

const sha256 = (text: string): string => createHash('sha256').update(text, 'latin1').digest('hex')

type Parameters = Readonly<{ N: number; r: number; p: number; salt: string }>

/** One half of what scrypt gives is the key. A part of the other half is in the header: it tells a wrong passphrase from damage. */
function keyOf(
  passphrase: string,
  { N, r, p, salt }: Parameters,
): Promise<{ key: Buffer; check: string }> {
  const options = { N, r, p, maxmem: MEMORY_MAX }
  return new Promise((resolve, reject) => {
    scrypt(passphrase, Buffer.from(salt, 'hex'), KEY_BYTES * 2, options, (error, bytes) => {
      if (error !== null) {
        reject(new DamagedBackup('it asks for an impossible key', { cause: error }))
        return
      }
      const check = bytes.subarray(KEY_BYTES, KEY_BYTES + CHECK_BYTES).toString('hex')
      resolve({ key: bytes.subarray(0, KEY_BYTES), check })
    })
  })
}
