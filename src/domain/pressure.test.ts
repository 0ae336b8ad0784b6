import { expect, test } from 'vitest'
import { NO_PRESSURE, pressureOf, type OverloadSettings, type Strain } from './pressure.ts'

const settings: OverloadSettings = {
  ...{ loopDelayStreamsMs: 100, loopDelayAllMs: 250, heapShareLargeBodies: 0.8, heapShareAll: 0.9 },
  ...{ memoryShareLeave: 0.95, memoryBytesMax: undefined, bodyMemoryBytesMax: 1 },
}
const strained = (strain: Partial<Strain>) =>
  pressureOf({ loopDelayMs: 0, cpuShare: 1, heapShare: 0, memoryShare: 0, ...strain }, settings)

test.each([
  [{ loopDelayMs: 100, heapShare: 0.8, memoryShare: 0.95 }, {}],
  [{ loopDelayMs: 101 }, { refused: 'streams' }],
  [{ loopDelayMs: 250 }, { refused: 'streams' }],
  [{ loopDelayMs: 251 }, { refused: 'all' }],
  [{ loopDelayMs: 999, cpuShare: 0.49 }, {}],
  [{ loopDelayMs: 999, cpuShare: 0.5 }, { refused: 'all' }],
  [{ loopDelayMs: 1_000, cpuShare: 0 }, { refused: 'all' }],
  [{ heapShare: 0.81 }, { takesLargeBodies: false }],
  [{ heapShare: 0.91 }, { takesLargeBodies: false, refused: 'all' }],
  [{ memoryShare: 0.96 }, { refused: 'all', mustLeave: true }],
] as const)('under %o it is %o', (strain, pressure) => {
  expect(strained(strain)).toEqual({ ...NO_PRESSURE, ...pressure })
})

test('what is set to never is never refused', () => {
  const never = { ...settings, loopDelayStreamsMs: Infinity, loopDelayAllMs: Infinity }
  const strain = { loopDelayMs: 60_000, cpuShare: 1, heapShare: 0, memoryShare: 0 }
  expect(pressureOf(strain, never)).toEqual(NO_PRESSURE)
})
