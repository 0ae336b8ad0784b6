import fs from 'node:fs'
import { promisify } from 'node:util'

/** The calls by which the journal reaches the disk: few, so that each can be made to fail in a test. */
export type Disk = Readonly<{
  open(file: string, flags: OpenFlags): Promise<number>
  /** Resolves once the bytes, or as many of them as it says, are durable: there is no sync to forget afterwards. */
  append(fd: number, bytes: Uint8Array, offset: number): Promise<number>
  /** Durable, too, when it resolves. */
  truncate(fd: number, length: number): Promise<void>
  close(fd: number): Promise<void>
  /** Makes names created in a folder durable. */
  syncFolder(folder: string): Promise<void>
}>

/** `w` begins an empty file, `wx` insists that there is none yet, `r+` goes on with one. */
type OpenFlags = 'w' | 'wx' | 'r+'

/** The sync after a write failed: whatever its code says, nobody knows what is on the disk now. */
class SyncFailed extends Error {
  override readonly name = 'SyncFailed'
}

const SHORTAGES = new Set(['ENOSPC', 'EDQUOT', 'EFBIG', 'EMFILE', 'ENFILE'])

/** Whether a failed call left everything as it was, for want of something that may come back: it is tried again. */
export const isShortage = (error: unknown): error is NodeJS.ErrnoException =>
  error instanceof Error && 'code' in error && SHORTAGES.has(String(error.code))

export const noBytesTaken = (): NodeJS.ErrnoException =>
  Object.assign(new Error('the disk took no bytes'), { code: 'ENOSPC' })

const { O_CREAT, O_DSYNC, O_EXCL, O_RDWR, O_TRUNC } = fs.constants
const FLAGS = {
  w: O_RDWR | O_CREAT | O_TRUNC,
  wx: O_RDWR | O_CREAT | O_EXCL,
  'r+': O_RDWR,
} as const satisfies Record<OpenFlags, number>

/** On Linux a write is durable when it returns: one hop to the thread pool a flush. Elsewhere O_DSYNC promises less. */
export function diskOn(platform: NodeJS.Platform): Disk {
  const synced = platform === 'linux' ? O_DSYNC : 0
  return {
    open: (file, flags) => promisify(fs.open)(file, FLAGS[flags] | synced, 0o600),
    append: synced === 0 ? writeAndSync : write,
    async truncate(fd, length) {
      await promisify(fs.ftruncate)(fd, length)
      await promisify(fs.fsync)(fd)
    },
    close: promisify(fs.close),
    async syncFolder(folder) {
      const handle = await fs.promises.open(folder, 'r')
      try {
        await handle.sync()
      } finally {
        await handle.close()
      }
    },
  }
}

const write: Disk['append'] = (fd, bytes, offset) =>
  new Promise((resolve, reject) => {
    fs.write(fd, bytes, 0, bytes.byteLength, offset, (error, count) => {
      if (error === null) resolve(count)
      else reject(error)
    })
  })

const writeAndSync: Disk['append'] = async (fd, bytes, offset) => {
  const count = await write(fd, bytes, offset)
  try {
    await promisify(fs.fdatasync)(fd)
  } catch (cause) {
    throw new SyncFailed(String(cause), { cause })
  }
  return count
}

export const nodeDisk = diskOn(process.platform)
