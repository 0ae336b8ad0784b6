import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, expect, test, vi } from 'vitest'
import { diskOn } from './disk.ts'

const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-disk-'))
afterAll(() => {
  fs.rmSync(dir, { recursive: true })
})

test.runIf(fs.existsSync('/proc/self/fdinfo')).each(['w', 'r+'] as const)(
  'on Linux a file is opened (%s) so that its writes are durable when they return',
  async (flags) => {
    const disk = diskOn('linux')
    const fd = await disk.open(path.join(dir, 'linux'), flags)
    const info = fs.readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8')
    const opened = Number.parseInt(/^flags:\s+([0-7]+)$/m.exec(info)?.[1] ?? '0', 8)
    expect(opened & fs.constants.O_DSYNC).not.toBe(0)
    await disk.close(fd)
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
