import os from 'node:os'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { getHeapStatistics } from 'node:v8'
import {
  NO_PRESSURE,
  pressureOf,
  type OverloadSettings,
  type Refused,
  type Strain,
} from '../domain/pressure.ts'
import type { Events } from '../ports/events.ts'
import type { Load } from '../ports/load.ts'

export type LoadNeeds = Readonly<{
  settings: () => OverloadSettings
  events: Pick<Events, 'notice' | 'warning' | 'problem'>
  /** The memory is nearly used up. Told once. */
  onFull: () => void
}>

const WINDOW_MS = 1_000
const RESOLUTION_MS = 10
const NS_PER_MS = 1e6
const US_PER_MS = 1e3

/** Measures once a second how late the event loop runs and how full the memory is. */
export class LoadSampler implements Load {
  strain: Strain = { loopDelayMs: 0, cpuShare: 0, heapShare: 0, memoryShare: 0 }
  refused: Refused = NO_PRESSURE.refused
  takesLargeBodies = NO_PRESSURE.takesLargeBodies
  #mustLeave = NO_PRESSURE.mustLeave
  readonly #needs: LoadNeeds
  readonly #delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  #lookedAt = performance.now()
  #cpu = process.cpuUsage()
  readonly #timer: NodeJS.Timeout

  constructor(needs: LoadNeeds) {
    this.#needs = needs
    this.#delays.enable()
    this.#timer = setInterval(() => {
      this.#look()
    }, WINDOW_MS)
    this.#timer.unref()
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#delays.disable()
  }

  #look(): void {
    const settings = this.#needs.settings()
    const now = performance.now()
    const elapsedMs = now - this.#lookedAt
    this.#lookedAt = now
    this.strain = {
      loopDelayMs: this.#loopDelayMs(elapsedMs),
      cpuShare: this.#cpuShare(elapsedMs),
      heapShare: heapShare(),
      memoryShare: process.memoryUsage.rss() / memoryBytes(settings),
    }
    const { refused, takesLargeBodies, mustLeave } = pressureOf(this.strain, settings)
    if (refused !== this.refused) this.#tell(refused)
    this.refused = refused
    this.takesLargeBodies = takesLargeBodies
    if (!mustLeave || this.#mustLeave) return
    this.#mustLeave = true
    this.#needs.onFull()
  }

  /**
   * The 99th percentile forgives a single pause in the second, such as the one of a garbage collection; one that is as
   * long as the window itself is what it is. After that this look may come before the histogram's, so its own delay
   * counts as well.
   */
  #loopDelayMs(elapsedMs: number): number {
    const delays = this.#delays
    const longestMs = Math.max(delays.max / NS_PER_MS, elapsedMs - WINDOW_MS)
    const delayMs = longestMs >= WINDOW_MS ? longestMs : delays.percentile(99) / NS_PER_MS
    delays.reset()
    return Math.max(0, Math.round(delayMs - RESOLUTION_MS))
  }

  /** Of all threads, which may be more than one core. */
  #cpuShare(elapsedMs: number): number {
    const { user, system } = process.cpuUsage(this.#cpu)
    this.#cpu = process.cpuUsage()
    return (user + system) / US_PER_MS / elapsedMs
  }

  #tell(refused: Refused): void {
    const { events } = this.#needs
    const { loopDelayMs, cpuShare, heapShare, memoryShare } = this.strain
    const facts = {
      refused,
      loop_delay_ms: loopDelayMs,
      cpu_percent: percent(cpuShare),
      heap_percent: percent(heapShare),
      memory_percent: percent(memoryShare),
    }
    if (refused === 'nothing') events.notice('overloaded no more', facts)
    else events.warning('overloaded: new requests are refused', facts)
  }
}

function heapShare(): number {
  const { used_heap_size: used, heap_size_limit: limit } = getHeapStatistics()
  return used / limit
}

/** A container without a limit reports a number beyond all machines. */
const memoryBytes = ({ memoryBytesMax }: OverloadSettings): number =>
  memoryBytesMax ?? Math.min(process.constrainedMemory() || Infinity, os.totalmem())

const percent = (share: number): number => Math.round(share * 100)
