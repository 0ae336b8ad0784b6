import fs from 'node:fs'
import path from 'node:path'

/**
 * Room set aside on the disk and given free when it is full, so that charges of running requests still land. Until it
 * is set aside again no hold is taken, which would use it up.
 */
export class Reserve {
  readonly #file: string
  #givenUp: Error | undefined
  #restoring: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined
  #isStopped = false

  constructor(file: string) {
    this.#file = file
  }

  /** What it was given free for, while it is. */
  get shortage(): Error | undefined {
    return this.#givenUp
  }

  async free(cause: Error): Promise<void> {
    this.#givenUp = cause
    await this.#restoring
    await this.#remove()
    this.#tryLater()
  }

  /** Sets it aside, at once or as soon as there is room. */
  async restore(): Promise<void> {
    this.#restoring ??= this.#write().finally(() => {
      this.#restoring = undefined
    })
    await this.#restoring
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    clearTimeout(this.#timer)
    await this.#restoring
  }

  async #write(): Promise<void> {
    try {
      const { bavail, bsize } = await fs.promises.statfs(path.dirname(this.#file))
      if (bavail * bsize < ROOM_BYTES_MIN) throw new Error('there is no room for the reserve')
      await fs.promises.writeFile(this.#file, new Uint8Array(RESERVE_BYTES), { mode: 0o600 })
      this.#givenUp = undefined
    } catch (error) {
      this.#givenUp ??= error instanceof Error ? error : new Error(String(error))
      await this.#remove() // half of it helps nobody
      this.#tryLater()
    }
  }

  async #remove(): Promise<void> {
    await fs.promises.rm(this.#file, { force: true }).catch(() => undefined) // then it is no help, and no harm
  }

  #tryLater(): void {
    clearTimeout(this.#timer)
    if (this.#isStopped) return
    this.#timer = setTimeout(() => void this.restore(), RETRY_MS).unref()
  }
}

const RESERVE_BYTES = 1024 * 1024
/** As much again stays for the journal. */
const ROOM_BYTES_MIN = 2 * RESERVE_BYTES
const RETRY_MS = 500
