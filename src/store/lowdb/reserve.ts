import fs from 'node:fs'

/** Room set aside on the disk and given free when it is full, so that charges of running requests still land. */
export class Reserve {
  readonly #file: string
  #isThere = false
  #restoring = false

  constructor(file: string) {
    this.#file = file
  }

  async free(): Promise<void> {
    this.#isThere = false
    await fs.promises.rm(this.#file, { force: true })
  }

  /** Set aside again once writing works; tried at each flush until it succeeds, and cheap when it is there. */
  restore(): void {
    if (this.#isThere || this.#restoring) return
    this.#restoring = true
    void fs.promises.writeFile(this.#file, new Uint8Array(RESERVE_BYTES), { mode: 0o600 }).then(
      () => {
        this.#isThere = true
        this.#restoring = false
      },
      () => {
        setTimeout(() => {
          this.#restoring = false
        }, RETRY_MS).unref() // the disk is still full
      },
    )
  }
}

const RESERVE_BYTES = 1024 * 1024
const RETRY_MS = 5_000
