import fs from 'node:fs'
import { promisify } from 'node:util'
import { alignedMemory, BLOCK_BYTES, blockDisk } from './block-disk.ts'

/** The calls by which the journal reaches the disk: few, so that each can be made to fail in a test. */
export type Disk = Readonly<{
  open(file: string, flags: OpenFlags): Promise<number>
  /**
   * The bytes, or as many of them as it says, are durable once it says so: there is no sync to forget afterwards. Some
   * disks say so at once.
   */
  append(fd: number, bytes: Uint8Array, offset: number): number | Promise<number>
  /** Durable, too, when it resolves. */
  truncate(fd: number, length: number): Promise<void>
  close(fd: number): Promise<void>
  /** Makes names created in a folder durable. */
  syncFolder(folder: string): Promise<void>
}>

export type NodeDisk = Omit<Disk, 'append'> &
  Readonly<{
    append(fd: number, bytes: Uint8Array, offset: number): Promise<number>
    /** The same, and nothing else happens meanwhile. */
    appendNow(fd: number, bytes: Uint8Array, offset: number): number
    /** Fills the bytes from there, as far as the file goes. */
    readNow(fd: number, bytes: Uint8Array, offset: number): void
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

const { O_CREAT, O_DIRECT, O_DSYNC, O_EXCL, O_RDWR, O_TRUNC } = fs.constants
const FLAGS = {
  w: O_RDWR | O_CREAT | O_TRUNC,
  wx: O_RDWR | O_CREAT | O_EXCL,
  'r+': O_RDWR,
} as const satisfies Record<OpenFlags, number>

/** On Linux a write is durable when it returns: one hop to the thread pool a flush. Elsewhere O_DSYNC promises less. */
export function diskOn(platform: NodeJS.Platform): NodeDisk {
  const synced = platform === 'linux' ? O_DSYNC : 0
  return blockDisk({
    async open(file, flags) {
      const fd = await promisify(fs.open)(file, FLAGS[flags] | synced, 0o600)
      return platform === 'linux' ? pastTheCache(file, fd) : fd
    },
    append: synced === 0 ? writeAndSync : write,
    appendNow: synced === 0 ? writeAndSyncNow : writeNow,
    readNow: (fd, bytes, offset) => fs.readSync(fd, bytes, 0, bytes.byteLength, offset),
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
  })
}

/**
 * The same file, written past the system's cache, which is quicker; `fd` where the file system has no such writes, or
 * asks more of them than whole pages. A disk that fails is told of at once: it may not tell again.
 */
async function pastTheCache(file: string, fd: number): Promise<number> {
  const page = alignedMemory(BLOCK_BYTES)
  let direct: number | undefined
  try {
    direct = await promisify(fs.open)(file, O_RDWR | O_DSYNC | O_DIRECT)
    const isNew = fs.readSync(direct, page, 0, page.byteLength, 0) === 0
    // What is asked of writes shows at one; zeros are what the journal lays first in any case.
    if (isNew) await write(direct, page, 0)
  } catch (error) {
    if (direct !== undefined) fs.closeSync(direct)
    if (error instanceof Error && 'code' in error && error.code === 'EIO') {
      fs.closeSync(fd)
      throw error
    }
    return fd
  }
  fs.closeSync(fd)
  return direct
}

const write: NodeDisk['append'] = (fd, bytes, offset) =>
  new Promise((resolve, reject) => {
    fs.write(fd, bytes, 0, bytes.byteLength, offset, (error, count) => {
      if (error === null) resolve(count)
      else reject(error)
    })
  })

const writeAndSync: NodeDisk['append'] = async (fd, bytes, offset) => {
  const count = await write(fd, bytes, offset)
  try {
    await promisify(fs.fdatasync)(fd)
  } catch (cause) {
    throw new SyncFailed(String(cause), { cause })
  }
  return count
}

const writeNow: NodeDisk['appendNow'] = (fd, bytes, offset) =>
  fs.writeSync(fd, bytes, 0, bytes.byteLength, offset)

const writeAndSyncNow: NodeDisk['appendNow'] = (fd, bytes, offset) => {
  const count = writeNow(fd, bytes, offset)
  try {
    fs.fdatasyncSync(fd)
  } catch (cause) {
    throw new SyncFailed(String(cause), { cause })
  }
  return count
}

export const nodeDisk = diskOn(process.platform)
