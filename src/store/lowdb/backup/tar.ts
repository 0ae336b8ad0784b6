import { ByteReader } from './byte-reader.ts'
import { DamagedBackup } from './damaged-backup.ts'

/** The oldest form of tar that every `tar` reads (ustar): plain files with short names, readable by their owner alone. */
export type TarEntry = Readonly<{
  name: string
  size: number
  /** To be read, whole or in part, before the next entry is asked for. */
  body: AsyncIterable<Buffer>
}>

const BLOCK = 512
/** Eleven octal digits. */
const SIZE_MAX = 0o77777777777
const NAME_BYTES_MAX = 100
const CHECKSUM = { at: 148, length: 8 } as const

export async function* tar(
  entries: AsyncIterable<TarEntry>,
  modifiedAtMs: number,
): AsyncGenerator<Buffer, void> {
  for await (const { name, size, body } of entries) {
    yield headerOf({ name, size, modifiedAtMs })
    let left = size
    for await (const piece of body) {
      left -= piece.length
      yield piece
    }
    if (left !== 0) throw new Error(`${name} changed its size while it was copied.`)
    yield Buffer.alloc(padding(size))
  }
  yield Buffer.alloc(2 * BLOCK)
}

export async function* untar(source: AsyncIterable<Buffer>): AsyncGenerator<TarEntry, void> {
  const reader = new ByteReader(source)
  for (;;) {
    const header = await reader.take(BLOCK)
    if (isBlank(header)) break
    const { name, size } = parseHeader(header)
    const body = reader.pass(size)
    yield { name, size, body }
    for await (const _ of body); // what nobody wanted
    if (!isBlank(await reader.take(padding(size)))) throw new DamagedBackup(`${name} has no end`)
  }
  const isEnd = isBlank(await reader.take(BLOCK)) && (await reader.isAtEnd())
  if (!isEnd) throw new DamagedBackup('something follows its end')
}

const padding = (size: number): number => (BLOCK - (size % BLOCK)) % BLOCK

const isBlank = (bytes: Buffer): boolean => bytes.every((byte) => byte === 0)

type Header = Readonly<{ name: string; size: number; modifiedAtMs: number }>

function headerOf({ name, size, modifiedAtMs }: Header): Buffer {
  if (Buffer.byteLength(name) > NAME_BYTES_MAX || size > SIZE_MAX)
    throw new Error(`${name} is too long or too large for a backup.`)
  const header = Buffer.alloc(BLOCK)
  const octal = (value: number, digits: number) => `${value.toString(8).padStart(digits, '0')}\0`
  header.write(name, 0)
  header.write(octal(0o600, 7), 100)
  header.write(octal(0, 7), 108)
  header.write(octal(0, 7), 116)
  header.write(octal(size, 11), 124)
  header.write(octal(Math.floor(modifiedAtMs / 1000), 11), 136)
  header.write('0', 156) // a plain file
  header.write('ustar\x0000', 257)
  header.write(`${octal(checksumOf(header), 6)} `, CHECKSUM.at)
  return header
}

function parseHeader(header: Buffer): { name: string; size: number } {
  const text = (at: number, length: number) =>
    header.toString('latin1', at, at + length).replace(/\0.*$/s, '')
  const number = (at: number, length: number) => Number.parseInt(text(at, length), 8)
  const isSound = number(CHECKSUM.at, CHECKSUM.length) === checksumOf(header)
  const [name, size] = [text(0, NAME_BYTES_MAX), number(124, 12)]
  if (!isSound || text(156, 1) !== '0' || !Number.isSafeInteger(size))
    throw new DamagedBackup('one of its headers is damaged')
  return { name, size }
}

/** The sum of all bytes of the header, its own counted as spaces. */
function checksumOf(header: Buffer): number {
  const own = header.subarray(CHECKSUM.at, CHECKSUM.at + CHECKSUM.length)
  const sum = (bytes: Buffer) => bytes.reduce((total, byte) => total + byte, 0)
  return sum(header) - sum(own) + CHECKSUM.length * 32
}
