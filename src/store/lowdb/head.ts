import fs from 'node:fs'
import type { JournalEnd } from './journal.ts'

/**
 * Notes now and then how far the journal is durable, without a sync of its own: replay takes a bad tail behind this
 * point for a torn write, and anything bad before it for damage.
 */
export class HeadKeeper {
  readonly #file: string
  #writtenAt = -Infinity
  #writing: Promise<void> | undefined

  constructor(file: string) {
    this.#file = file
  }

  /** At most once a second. */
  note(journal: { readonly end: JournalEnd }): void {
    if (this.#writing !== undefined || performance.now() - this.#writtenAt < EVERY_MS) return
    this.#writing = this.#write(journal.end).finally(() => {
      this.#writing = undefined
    })
  }

  /** What was to be noted by now has been. */
  async noted(): Promise<void> {
    await this.#writing
  }

  async close(end: JournalEnd): Promise<void> {
    await this.#writing
    await this.#write(end)
  }

  async #write({ segment, offset, seq, chain }: JournalEnd): Promise<void> {
    this.#writtenAt = performance.now()
    const temporary = `${this.#file}.tmp`
    try {
      await fs.promises.writeFile(temporary, JSON.stringify({ segment, offset, seq, chain }), {
        mode: 0o600,
      })
      await fs.promises.rename(temporary, this.#file)
    } catch {
      // An older HEAD is as true as a newer one, only less exact; a full disk is the journal's to report.
    }
  }
}

const EVERY_MS = 1_000
