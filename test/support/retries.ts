// Whether retries kept to their budgets (N20), found out from the books alone: who was asked when, and what came of it.
import assert from 'node:assert/strict'
import type { JournalRecord } from './journal.ts'

/** The books tell when a request came and when it was over, and how long each attempt took: not the waits in between. */
type Moment = Readonly<{ earliestMs: number; latestMs: number }>

type Attempt = Readonly<{
  deployment: string
  start: Moment
  end: Moment
  /** Undefined: it says nothing, since its caller left. */
  worked: boolean | undefined
  /** Absent for a request's first one. */
  after?: { deployment: string; fault: string }
}>

const SHARE = 0.1
const FLOOR = 3
/** The gateway counts whole seconds, so its ten are nine to ten. */
const [RETRIES_MS, REQUESTS_MS] = [8_900, 10_100]

/**
 * In ten seconds a provider may have 10 % of its requests as retries, or three, and all together twice that. Who answered
 * when last asked may be asked beyond that, and so may the only one that could not be reached; both count all the same.
 * What the books leave open is taken in the gateway's favour.
 */
export function checkRetries(records: readonly JournalRecord[]): void {
  for (const attempts of runsOf(records)) {
    const retries = attempts.filter(({ after }) => after !== undefined)
    const first = attempts.filter(({ after }) => after === undefined)
    for (const retry of retries) {
      if (isExempt(retry, attempts)) continue
      const own = (one: Attempt): boolean => providerOf(one) === providerOf(retry)
      const counts = [
        before(retry, retries.filter(own)),
        asked(retry, first.filter(own)),
        before(retry, retries),
        asked(retry, first),
      ] as const
      const [ownRetries, ownRequests, allRetries, allRequests] = counts
      const isWithin =
        ownRetries < Math.max(FLOOR, SHARE * ownRequests) &&
        allRetries < Math.max(2 * FLOOR, 2 * SHARE * allRequests)
      assert.ok(isWithin, `beyond the budget: ${JSON.stringify({ retry, counts })}`)
    }
  }
}

const providerOf = ({ deployment }: Attempt): string => deployment.split('/')[0] ?? ''

/** Certainly before it, and certainly not too long before. */
const before = ({ start }: Attempt, retries: readonly Attempt[]): number =>
  retries.filter(
    (one) =>
      one.start.latestMs < start.earliestMs && one.start.earliestMs > start.latestMs - RETRIES_MS,
  ).length

const asked = ({ start }: Attempt, requests: readonly Attempt[]): number =>
  requests.filter(
    (one) =>
      one.start.earliestMs <= start.latestMs && one.start.latestMs > start.earliestMs - REQUESTS_MS,
  ).length

function isExempt({ deployment, start, after }: Attempt, all: readonly Attempt[]): boolean {
  if (after?.fault === 'connect' && after.deployment === deployment) return true
  const known = all.filter((one) => one.deployment === deployment && one.worked !== undefined)
  const certain = known.filter(({ end }) => end.latestMs < start.earliestMs)
  if (certain.length === 0) return true
  const lastMs = Math.max(...certain.map(({ end }) => end.earliestMs))
  return known.some(
    ({ end, worked }) =>
      worked === true && end.latestMs >= lastMs && end.earliestMs <= start.latestMs,
  )
}

/** What was tried by one run of the process: the next one knows nothing of it. */
function runsOf(records: readonly JournalRecord[]): Attempt[][] {
  const runs: Attempt[][] = [[]]
  for (const record of records) {
    if (record.kind === 'open') runs.push([])
    if (record.kind === 'settle') runs.at(-1)?.push(...attemptsOf(record))
  }
  return runs
}

/** What began well may not have ended so. */
const AFTER: Readonly<Record<string, { worked: boolean | undefined }>> = {
  finished: { worked: true },
  cut: { worked: false },
  aborted: { worked: undefined },
  aborted_early: { worked: undefined },
}

/** Books round to a millisecond. */
const ROUNDED_MS = 1

function attemptsOf({ startedAt, outcome, ...record }: JournalRecord): Attempt[] {
  const list = record['attempts'] as { deployment: string; fault?: string; ms: number }[]
  const cameMs = Number(startedAt) - ROUNDED_MS
  const overMs = Number(startedAt) + Number(record['totalMs']) + ROUNDED_MS
  const sum = (some: readonly { ms: number }[]): number => some.reduce((all, { ms }) => all + ms, 0)
  return list.map(({ deployment, fault, ms }, at) => {
    const earliestMs = cameMs + sum(list.slice(0, at))
    const latestMs = overMs - sum(list.slice(at))
    const end = fault === undefined ? AFTER[String(outcome)] : undefined
    const previous = list[at - 1]
    return {
      ...{ deployment, start: { earliestMs, latestMs } },
      end: { earliestMs: earliestMs + ms, latestMs: end === undefined ? latestMs + ms : overMs },
      worked: end === undefined ? fault === undefined || fault === 'refused' : end.worked,
      ...(previous && {
        after: { deployment: previous.deployment, fault: previous.fault ?? '' },
      }),
    }
  })
}
