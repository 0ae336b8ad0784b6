import { expect, test } from 'vitest'
import { scenarios } from '../run/scenario.ts'
import { toResult } from './result.ts'
import type { LoadReport } from '../load/plan.ts'
import type { Series } from '../run/rounds.ts'
import type { SubjectName } from '../subjects/subject.ts'

function report(cpuUs: number, errors = 0, laterUs = 0): LoadReport {
  return {
    cpuUs,
    laterUs,
    waitedUs: 0,
    connections: 64,
    seconds: 1,
    answers: 1,
    chunks: 0,
    inAll: { answers: 2, chunks: 0 },
    medianMs: 1,
    p99Ms: 1,
    residentBytes: { before: 0, after: 0 },
    errors,
    errorSamples: [],
  }
}

const measured = (...reports: LoadReport[]) => ({ kind: 'measured', reports }) as const

test('a ratio is taken within each round, so a machine that slows down for all changes nothing', () => {
  const series = new Map([
    ['bare', measured(report(50), report(100), report(200))],
    ['tollgate', measured(report(70), report(140), report(280))],
  ] as const)
  const { verdicts } = toResult('json', scenarios.json, series)
  expect(verdicts).toHaveLength(1)
  expect(verdicts[0]?.value).toEqual({ median: 1.4, least: 1.4, most: 1.4 })
  expect(verdicts[0]?.outcome).toBe('met')
})

test('what is put off until the load is over counts, and for all that it was put off for', () => {
  const series = new Map([
    ['bare', measured(report(50), report(100))],
    ['tollgate', measured(report(60, 0, 80), report(130, 0, 0))],
  ] as const)
  const { verdicts, subjects } = toResult('json', scenarios.json, series)
  expect(subjects.map(({ laterUs }) => laterUs)).toEqual([0, 20])
  expect(verdicts[0]?.value).toEqual({ median: 1.55, least: 1.5, most: 1.6 })
})

test('wrong answers make a target void, however fast they were', () => {
  const series = new Map([
    ['bare', measured(report(50))],
    ['tollgate', measured(report(10, 3))],
  ] as const)
  expect(toResult('json', scenarios.json, series).verdicts[0]?.outcome).toBe('wrong answers')
})

test('a gateway that could not run is named with the reason, and takes no part', () => {
  const series = new Map<SubjectName, Series>([
    ['bare', measured(report(50))],
    ['tollgate', { kind: 'unavailable', reason: 'not built' }],
  ])
  const result = toResult('json', scenarios.json, series)
  expect(result.unavailable).toEqual([{ name: 'tollgate', reason: 'not built' }])
  expect(result.subjects.map(({ name }) => name)).toEqual(['bare'])
  expect(result.verdicts).toEqual([])
})
