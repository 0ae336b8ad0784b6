import { FreeSpace, type DiskSpace } from './free-space.ts'
import type { StoreOptions } from './open-store.ts'
import { Reserve } from './reserve.ts'
import type { DbPaths } from './segments.ts'

/** The room on the disk: what is left of it, and what is set aside for settles. */
export class Room {
  readonly #onTrouble: StoreOptions['onTrouble']
  readonly #space: FreeSpace
  readonly #reserve: Reserve

  constructor(options: StoreOptions, { dir, reserve }: DbPaths) {
    const { onTrouble, statfs, diskFreeBytesMin: bytesMin = () => undefined } = options
    const onShortage = (error: Error) => {
      onTrouble('the disk is nearly full; new requests are refused', { error })
    }
    this.#onTrouble = onTrouble
    this.#space = new FreeSpace({ dir, bytesMin, onShortage, ...(statfs && { statfs }) })
    this.#reserve = new Reserve(reserve)
  }

  async start(): Promise<void> {
    await this.#space.start()
    void this.#reserve.restore()
  }

  async stop(): Promise<void> {
    this.#space.stop()
    await this.#reserve.stop()
  }

  /** Why no hold may be taken. */
  get shortage(): Error | undefined {
    return this.#reserve.shortage ?? this.#space.shortage
  }

  get space(): DiskSpace | undefined {
    return this.#space.seen
  }

  get isLow(): boolean {
    return this.#space.shortage !== undefined
  }

  /** The journal found no room: settles get the reserve. Told once, however often it is tried again. */
  async makeRoom(error: Error): Promise<void> {
    if (this.#reserve.shortage === undefined)
      this.#onTrouble('the journal cannot be written; new requests are refused', { error })
    await this.#reserve.free(error)
  }
}
