import { SlidingCount } from './sliding-count.ts'

export type RetryShare = Readonly<{
  /** Of the requests of the last ten seconds. */
  share: number
  /** Always allowed, so that a quiet gateway can retry at all. */
  floor: number
}>

/** Keeps retries from becoming a storm: so many for so many requests, within ten seconds. */
export class RetryBudget {
  readonly #requests = new SlidingCount()
  readonly #retries = new SlidingCount()

  requested(nowTicks: number): void {
    this.#requests.add(nowTicks)
  }

  /** Those that are made without asking count as well. */
  retried(nowTicks: number): void {
    this.#retries.add(nowTicks)
  }

  allows(nowTicks: number, { share, floor }: RetryShare): boolean {
    const most = Math.max(floor, share * this.#requests.total(nowTicks))
    return this.#retries.total(nowTicks) < most
  }
}

const BACK_OFF_MS = 100
const BACK_OFF_MS_MAX = 2_000

/** Full jitter: anything up to 100 ms, 200 ms, 400 ms and so on; `chance` is from 0 to below 1. */
export const backOffMs = (retries: number, chance: number): number =>
  chance * Math.min(BACK_OFF_MS * 2 ** retries, BACK_OFF_MS_MAX)
