import fs from 'node:fs'
import path from 'node:path'
import DailyRotateFile from 'winston-daily-rotate-file'
import { linesIn } from './lines-in.ts'

export type RotatingFileOptions = Readonly<{
  dir: string
  fileBytesMax: number
  daysMax: number
  /** So many bytes have reached the file. */
  onWritten: (bytes: number) => void
  onTrouble: (error: unknown) => void
}>

/**
 * DailyRotateFile as a gateway can use it: private files, errors that are told instead of thrown, and word of what has
 * been written, which the transport itself never gives. Throws when the folder cannot be made.
 */
export class RotatingFile extends DailyRotateFile {
  readonly #onTrouble: (error: unknown) => void

  constructor({ dir, fileBytesMax, daysMax, onWritten, onTrouble }: RotatingFileOptions) {
    // The audit file lists the logs by their paths: relative ones would be lost with the next working directory.
    const dirname = path.resolve(dir)
    const auditFile = path.join(dirname, '.audit.json')
    fs.mkdirSync(dirname, { recursive: true, mode: 0o700 })
    removeBrokenAudit(auditFile)
    super({
      dirname,
      auditFile,
      filename: 'server.%DATE%',
      extension: '.log',
      datePattern: 'YYYY-MM-DD',
      utc: true,
      maxSize: fileBytesMax,
      maxFiles: `${daysMax}d`,
      options: { flags: 'a', mode: 0o600, fs: meteredFileSystem(onWritten) },
    })
    this.#onTrouble = onTrouble
    // The transport does not pass these on: without a listener here a full disk would end the process.
    this.logStream.on('error', onTrouble)
    fs.chmodSync(auditFile, 0o600)
  }

  /** A rotation makes its file right here; what that throws must not reach winston's streams. */
  override log(info: unknown, next: () => void): void {
    try {
      this.logStream.write(linesIn(info))
    } catch (error) {
      this.#onTrouble(error)
    }
    next()
  }
}

/** An audit file that a crash cut short would silently switch off the removal of old logs, for ever. */
function removeBrokenAudit(auditFile: string): void {
  if (!fs.existsSync(auditFile)) return
  try {
    JSON.parse(fs.readFileSync(auditFile, 'utf8'))
  } catch {
    fs.rmSync(auditFile, { force: true })
  }
}

type WriteDone = (error: NodeJS.ErrnoException | null, bytes: number, data: Uint8Array) => void
type WriteArguments = [
  fd: number,
  data: Uint8Array,
  offset: number,
  length: number,
  position: number | null | undefined,
  done: WriteDone,
]

/** The part of node:fs that a file stream uses, with a count of what has been written. */
function meteredFileSystem(onWritten: (bytes: number) => void): object {
  function write(...[fd, data, offset, length, position, done]: WriteArguments): void {
    fs.write(fd, data, offset, length, position, (error, bytes) => {
      done(error, bytes, data)
      if (error === null) onWritten(bytes)
    })
  }
  return { open: fs.open, close: fs.close, write }
}
