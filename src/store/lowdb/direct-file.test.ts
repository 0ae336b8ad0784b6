import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, afterEach, expect, test, vi } from 'vitest'
import { alignedMemory } from './block-disk.ts'
import { DirectFile, PIECE_BYTES, readWhole } from './direct-file.ts'

const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-direct-'))
afterAll(() => {
  fs.rmSync(dir, { recursive: true })
})
afterEach(() => {
  vi.restoreAllMocks()
})

const { O_DIRECT } = fs.constants
const failing = (code: string) => Object.assign(new Error(code), { code })
const { openSync, readSync } = fs
const flagsOf = (fd: number): number => {
  const info = fs.readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8')
  return Number.parseInt(/^flags:\s+([0-7]+)$/m.exec(info)?.[1] ?? '0', 8)
}

/** What file systems do that have no reads past the cache, or ask more of them. */
const systems = {
  'past the cache': () => undefined,
  'where the system refuses to open it so': () => {
    vi.spyOn(fs, 'openSync').mockImplementation((file, flags, mode) => {
      if ((Number(flags) & O_DIRECT) !== 0) throw failing('EINVAL')
      return openSync(file, flags, mode)
    })
  },
  'where the system refuses to read it so': () => {
    vi.spyOn(fs, 'readSync').mockImplementation((...args: unknown[]) => {
      if ((flagsOf(Number(args[0])) & O_DIRECT) !== 0) throw failing('EINVAL')
      return Reflect.apply(readSync, fs, args) as number
    })
  },
  'where reads come short': () => {
    vi.spyOn(fs, 'readSync').mockImplementation((...args: unknown[]) => {
      const [fd, into, at, length, offset] = args as [number, Uint8Array, number, number, number]
      return readSync(fd, into, at, Math.min(length, 300_000), offset)
    })
  },
}
type System = keyof typeof systems
const isLinux = fs.existsSync('/proc/self/fdinfo')
const here = (Object.keys(systems) as System[]).filter((_, index) => index === 0 || isLinux)

test.each(here)('a file is read whole, %s', (system) => {
  systems[system]()
  for (const length of [
    0,
    1,
    4_095,
    4_096,
    PIECE_BYTES,
    PIECE_BYTES + 1,
    2 * PIECE_BYTES + 4_100,
  ]) {
    const file = path.join(dir, String(length))
    const bytes = randomBytes(length)
    fs.writeFileSync(file, bytes)
    expect(readWhole(file).equals(bytes)).toBe(true)
  }
})

test.each(here)('a file is read piece by piece, %s', (system) => {
  systems[system]()
  const bytes = randomBytes(2 * PIECE_BYTES + 4_100)
  const name = path.join(dir, 'pieces')
  fs.writeFileSync(name, bytes)
  const file = new DirectFile(name)
  const memory = alignedMemory(PIECE_BYTES)
  const read = []
  for (let count = -1, at = 0; count !== 0; at += count) {
    count = file.read(memory, at)
    read.push(Buffer.from(memory.subarray(0, count)))
  }
  file.close()
  expect(read.map(({ length }) => length)).toEqual([PIECE_BYTES, PIECE_BYTES, 4_100, 0])
  expect(Buffer.concat(read).equals(bytes)).toBe(true)
})

test.runIf(isLinux)('a file that goes while it is read is told of as one that is not there', () => {
  const name = path.join(dir, 'going')
  fs.writeFileSync(name, 'something')
  vi.spyOn(fs, 'readSync').mockImplementation(() => {
    fs.rmSync(name)
    throw failing('EINVAL')
  })
  expect(() => readWhole(name)).toThrow('ENOENT')
})

test('a file that is not there, and a disk that fails, are told as they are', () => {
  expect(() => readWhole(path.join(dir, 'nowhere'))).toThrow('ENOENT')
  const file = path.join(dir, 'file')
  fs.writeFileSync(file, 'something')
  vi.spyOn(fs, 'readSync').mockImplementation(() => {
    throw failing('EIO')
  })
  expect(() => readWhole(file)).toThrow('EIO')
})
