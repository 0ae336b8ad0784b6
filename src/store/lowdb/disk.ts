import fs from 'node:fs'
import { promisify } from 'node:util'

/** The calls by which the journal reaches the disk: few, so that each can be made to fail in a test. */
export type Disk = Readonly<{
  open(file: string, flags: string): Promise<number>
  write(fd: number, bytes: Uint8Array, position: number): Promise<number>
  datasync(fd: number): Promise<void>
  truncate(fd: number, length: number): Promise<void>
  close(fd: number): Promise<void>
  /** Makes names created in a folder durable. */
  syncFolder(folder: string): Promise<void>
}>

const write = promisify(fs.write)

export const nodeDisk: Disk = {
  open: (file, flags) => promisify(fs.open)(file, flags, 0o600),
  write: async (fd, bytes, position) =>
    (await write(fd, bytes, 0, bytes.byteLength, position)).bytesWritten,
  datasync: promisify(fs.fdatasync),
  truncate: promisify(fs.ftruncate),
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
