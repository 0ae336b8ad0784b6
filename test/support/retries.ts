// Whether retries kept to their budgets (N20), found out from the books alone: who was asked when, and what came of it.
import assert from 'node:assert/strict'
import type { JournalRecord } from './journal.ts'

type Attempt = Readonly<{
  deployment: string
  startMs: number
  endMs: number
  /** Undefined: it says nothing, since its caller left. */
  worked: boolean | undefined
  /** Absent for a request's first one. */
  after?: { deployment: string; fault: string }
}>

const SHARE = 0.1
const FLOOR = 3
/** The gateway counts whole seconds, so its ten are nine to ten; and the books round their times. */
const [RETRIES_MS, REQUESTS_MS, ROUNDED_MS] = [8_900, 10_100, 5]

/**
 * In ten seconds a provider may have 10 % of its requests as retries, or three, and all together twice that. Who answered
 * when last asked may be asked beyond that, and so may the only one that could not be reached; both count all the same.
 */
export function checkRetries(records: readonly JournalRecord[]): void {
  for (const attempts of runsOf(records)) {
    const retries = attempts.filter(({ after }) => after !== undefined)
    const first = attempts.filter(({ after }) => after === undefined)
    for (const retry of retries) {
      if (isExempt(retry, attempts)) continue
      const isOwn = (one: Attempt): boolean => providerOf(one) === providerOf(retry)
      const [own, all] = [isOwn, () => true].map((is) => ({
        before: within(retries.filter(is), retry.startMs - ROUNDED_MS, RETRIES_MS),
        requests: within(first.filter(is), retry.startMs + ROUNDED_MS, REQUESTS_MS),
      }))
      const isWithin =
        own !== undefined &&
        all !== undefined &&
        own.before < Math.max(FLOOR, SHARE * own.requests) &&
        all.before < Math.max(2 * FLOOR, 2 * SHARE * all.requests)
      assert.ok(isWithin, `beyond the budget: ${JSON.stringify({ retry, own, all })}`)
    }
  }
}

const providerOf = ({ deployment }: Attempt): string => deployment.split('/')[0] ?? ''

const within = (attempts: readonly Attempt[], untilMs: number, ms: number): number =>
  attempts.filter(({ startMs }) => startMs <= untilMs && startMs > untilMs - ms).length

function isExempt({ deployment, startMs, after }: Attempt, all: readonly Attempt[]): boolean {
  if (after?.fault === 'connect' && after.deployment === deployment) return true
  const known = all
    .filter((one) => one.deployment === deployment && one.worked !== undefined)
    .filter(({ endMs }) => endMs <= startMs + ROUNDED_MS)
    .sort((a, b) => a.endMs - b.endMs)
  // Those whose order the books do not tell may have been it.
  const since = (known.at(-1)?.endMs ?? 0) - 2 * ROUNDED_MS
  const last = known.filter(({ endMs }) => endMs >= since)
  return last.length === 0 || last.some(({ worked }) => worked)
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

function attemptsOf({ startedAt, outcome, ...record }: JournalRecord): Attempt[] {
  const list = record['attempts'] as { deployment: string; fault?: string; ms: number }[]
  let atMs = Number(startedAt)
  return list.map(({ deployment, fault, ms }, at) => {
    const startMs = atMs
    atMs += ms
    const before = list[at - 1]
    const end = fault === undefined ? AFTER[String(outcome)] : undefined
    return {
      ...{
        deployment,
        startMs,
        endMs: end === undefined ? atMs : Number(startedAt) + Number(record['totalMs']),
      },
      worked: end === undefined ? fault === undefined || fault === 'refused' : end.worked,
      ...(before && { after: { deployment: before.deployment, fault: before.fault ?? '' } }),
    }
  })
}
