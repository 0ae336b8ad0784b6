import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, expect, test, vi } from 'vitest'
import { diskOn } from './disk.ts'

const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-disk-'))
afterAll(() => {
  fs.rmSync(dir, { recursive: true })
})

const flagsOf = (fd: number): number => {
  const info = fs.readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8')
  return Number.parseInt(/^flags:\s+([0-7]+)$/m.exec(info)?.[1] ?? '0', 8)
}
const { O_DIRECT, O_DSYNC } = fs.constants
const isLinux = fs.existsSync('/proc/self/fdinfo')

test.runIf(isLinux).each(['w', 'r+'] as const)(
  'on Linux a file is opened (%s) so that its writes are durable when they return',
  async (flags) => {
    const disk = diskOn('linux')
    const fd = await disk.open(path.join(dir, 'linux'), flags)
    expect(flagsOf(fd) & O_DSYNC).not.toBe(0)
    await disk.close(fd)
  },
)

const invalid = () => Object.assign(new Error('EINVAL: invalid argument'), { code: 'EINVAL' })
type Done = (error: Error) => void
/** What file systems do that have no writes past the cache, or ask more of them. */
const refusals = {
  open: (real: typeof fs.open) =>
    vi.spyOn(fs, 'open').mockImplementation((...args: unknown[]) => {
      if ((Number(args[1]) & O_DIRECT) === 0) Reflect.apply(real, fs, args)
      else (args.at(-1) as Done)(invalid())
    }),
  write: (_: typeof fs.open, write = fs.write) =>
    vi.spyOn(fs, 'write').mockImplementation((...args: unknown[]) => {
      if ((flagsOf(Number(args[0])) & O_DIRECT) === 0) Reflect.apply(write, fs, args)
      else (args.at(-1) as Done)(invalid())
    }),
}

test.runIf(isLinux).each(['open', 'write'] as const)(
  'where the file system refuses to %s past its cache, it is written through it, as durably',
  async (call) => {
    const refusal = refusals[call](fs.open)
    const disk = diskOn('linux')
    const file = path.join(dir, `no-${call}`)
    const fd = await disk.open(file, 'wx')
    expect(await disk.append(fd, Buffer.from('entry'), 0)).toBe(5)
    expect(flagsOf(fd) & O_DSYNC).not.toBe(0)
    expect(fs.readFileSync(file, 'latin1')).toMatch(/^entry\0*$/)
    await disk.close(fd)
    refusal.mockRestore()
  },
)

test.runIf(isLinux)(
  'a disk that fails when a file is opened is not taken for one without such writes',
  async () => {
    const broken = Object.assign(new Error('EIO: i/o error'), { code: 'EIO' })
    const read = vi.spyOn(fs, 'readSync').mockImplementationOnce(() => {
      throw broken
    })
    await expect(diskOn('linux').open(path.join(dir, 'broken'), 'wx')).rejects.toBe(broken)
    read.mockRestore()
  },
)

test('elsewhere each write is synced before it counts', async () => {
  const disk = diskOn('darwin')
  const fd = await disk.open(path.join(dir, 'elsewhere'), 'w')
  const sync = vi.spyOn(fs, 'fdatasync')
  expect(await disk.append(fd, Buffer.from('entry'), 0)).toBe(5)
  expect(sync).toHaveBeenCalledOnce()
  const syncNow = vi.spyOn(fs, 'fdatasyncSync')
  expect(disk.appendNow(fd, Buffer.from('another'), 5)).toBe(7)
  expect(syncNow).toHaveBeenCalledOnce()
  await disk.close(fd)
})
