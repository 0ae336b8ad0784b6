import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { BLOCK_BYTES, blockDisk } from './block-disk.ts'
import { nodeDisk, type Disk, type NodeDisk } from './disk.ts'
import { Runway } from './runway.ts'

const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-blocks-'))
afterAll(() => {
  fs.rmSync(dir, { recursive: true })
})

let files = 0
const newFile = () => path.join(dir, `file-${++files}`)

/** So much of a text that each place in it is told from the others. */
const textOf = (length: number, from = 0): Buffer =>
  Buffer.from(Uint8Array.from({ length }, (_, at) => 33 + ((from + at) % 89)))

/** What is in the file up to its last byte that is no zero. */
const entriesIn = (file: string): Buffer => {
  const bytes = fs.readFileSync(file)
  return bytes.subarray(0, bytes.findLastIndex((byte) => byte !== 0) + 1)
}

type Append = (disk: NodeDisk, ...entry: Parameters<NodeDisk['append']>) => number | Promise<number>
const laterAppend: Append = (disk, ...entry) => disk.append(...entry)
const nowAppend: Append = (disk, ...entry) => disk.appendNow(...entry)

const SIZES = [1, 400, BLOCK_BYTES - 401, BLOCK_BYTES, 3, 2 * BLOCK_BYTES + 7, BLOCK_BYTES - 10, 5]

test.each([
  ['by another thread', laterAppend],
  ['at once', nowAppend],
])('what is written %s stands there as it was written, one behind the other', async (_, append) => {
  const file = newFile()
  const fd = await nodeDisk.open(file, 'wx')
  let end = 0
  for (const size of [...SIZES, ...SIZES, ...SIZES]) {
    expect(await append(nodeDisk, fd, textOf(size, end), end)).toBe(size)
    end += size
    expect(entriesIn(file).equals(textOf(end))).toBe(true)
  }
  await nodeDisk.close(fd)
})

test('of more than it lays out at once it writes a part, and says how much', async () => {
  const file = newFile()
  const fd = await nodeDisk.open(file, 'wx')
  const bytes = textOf(700_003)
  expect(await nodeDisk.append(fd, bytes.subarray(0, 5), 0)).toBe(5)
  let written = 5
  let writes = 0
  for (; written < bytes.byteLength; writes++)
    written += await nodeDisk.append(fd, bytes.subarray(written), written)
  expect(writes).toBeGreaterThan(1)
  expect(entriesIn(file).equals(bytes)).toBe(true)
  await nodeDisk.close(fd)
})

test('a file is gone on with where its entries end', async () => {
  const file = newFile()
  fs.writeFileSync(file, Buffer.concat([textOf(5_000), Buffer.alloc(20_000)]))
  const fd = await nodeDisk.open(file, 'r+')
  expect(nodeDisk.appendNow(fd, textOf(100, 5_000), 5_000)).toBe(100)
  expect(entriesIn(file).equals(textOf(5_100))).toBe(true)
  await nodeDisk.close(fd)
})

test('and behind what stands there now, where it was cut and written again', async () => {
  const file = newFile()
  const fd = await nodeDisk.open(file, 'wx')
  await nodeDisk.append(fd, textOf(6_000), 0)
  await nodeDisk.truncate(fd, BLOCK_BYTES)
  const other = Buffer.alloc(6_000 - BLOCK_BYTES, '?')
  await nodeDisk.append(fd, other, BLOCK_BYTES)
  await nodeDisk.append(fd, textOf(10), 6_000)
  const whole = Buffer.concat([textOf(BLOCK_BYTES), other, textOf(10)])
  expect(entriesIn(file).equals(whole)).toBe(true)
  await nodeDisk.close(fd)
})

test('zeros ahead never begin in a block that an entry may be on its way to', async () => {
  const laid: number[] = []
  const disk: Disk = {
    ...nodeDisk,
    append(_fd, bytes, offset) {
      laid.push(offset)
      return Promise.resolve(bytes.byteLength)
    },
  }
  const runway = new Runway({ disk, fd: 0, bytesMax: 1e9, onFatal: () => undefined }, 5_000)
  runway.keepAheadOf(4_500)
  await runway.idle()
  expect(laid).toEqual([2 * BLOCK_BYTES])
})

test('zeros are laid ahead while entries are written, and neither touches the other', async () => {
  const file = newFile()
  const fd = await nodeDisk.open(file, 'wx')
  const zeros = new Uint8Array(64 * BLOCK_BYTES)
  await nodeDisk.append(fd, zeros, 0)
  let end = 0
  for (let chunk = 1; chunk <= 8; chunk++) {
    const laying = nodeDisk.append(fd, zeros, chunk * zeros.byteLength)
    for (let n = 0; n < 20; n++, end += 1_313)
      await (n % 2 === 0 ? nowAppend : laterAppend)(nodeDisk, fd, textOf(1_313, end), end)
    expect(await laying).toBe(zeros.byteLength)
  }
  expect(entriesIn(file).equals(textOf(end))).toBe(true)
  expect(fs.statSync(file).size).toBe(9 * zeros.byteLength)
  await nodeDisk.close(fd)
})

test('where the disk takes a part of the blocks only, that part of the bytes counts', async () => {
  const file = newFile()
  const limits = { most: Infinity }
  const plain: NodeDisk = {
    ...nodeDisk,
    append: (fd, blocks, offset) => Promise.resolve(plain.appendNow(fd, blocks, offset)),
    appendNow: (fd, blocks, offset) =>
      fs.writeSync(fd, blocks, 0, Math.min(blocks.byteLength, limits.most), offset),
    readNow: (fd, bytes, offset) => fs.readSync(fd, bytes, 0, bytes.byteLength, offset),
  }
  const disk: Disk = blockDisk(plain)
  const fd = fs.openSync(file, 'w+')
  expect(await disk.append(fd, textOf(1_000), 0)).toBe(1_000)
  limits.most = 512
  expect(await disk.append(fd, textOf(5_000, 1_000), 1_000)).toBe(0) // the part it took was there before
  limits.most = 1_536
  expect(await disk.append(fd, textOf(5_000, 1_000), 1_000)).toBe(536)
  limits.most = Infinity
  expect(await disk.append(fd, textOf(4_464, 1_536), 1_536)).toBe(4_464)
  expect(entriesIn(file).equals(textOf(6_000))).toBe(true)
  fs.closeSync(fd)
})
