import { describe, expect, test } from 'vitest'
import {
  chargeFor,
  DEFAULT_OUTCOMES,
  type Charge,
  type Outcome,
  type OutcomeSettings,
} from './outcome.ts'

const NOTHING: Charge = { of: 'nothing' }
const INPUT: Charge = { of: 'input', payer: 'account' }
const USAGE: Charge = { of: 'usage', payer: 'account' }
const OPERATOR_PAYS: Charge = { of: 'usage', payer: 'operator' }

type Row = Readonly<{
  ends: string
  outcome: Outcome
  /** Whether a provider had accepted the call: where it is left out, it makes no difference. */
  accepted?: boolean
  charge: Charge
  settings?: Partial<OutcomeSettings>
}>

/** The Outcomes table of WIRE, row by row. */
const ROWS: readonly Row[] = [
  { ends: 'all attempts failed before the first token', outcome: 'failed', charge: NOTHING },
  { ends: 'the answer finished', outcome: 'finished', charge: USAGE },
  { ends: 'cut after the first token', outcome: 'cut', charge: OPERATOR_PAYS },
  {
    ends: 'cut after the first token',
    outcome: 'cut',
    charge: USAGE,
    settings: { cut: 'delivered' },
  },
  { ends: 'left before acceptance', outcome: 'aborted_early', accepted: false, charge: NOTHING },
  { ends: 'left before the first token', outcome: 'aborted_early', accepted: true, charge: INPUT },
  {
    ends: 'left before the first token',
    outcome: 'aborted_early',
    charge: NOTHING,
    settings: { abortedEarly: 'free' },
  },
  { ends: 'left later', outcome: 'aborted', charge: USAGE },
  { ends: 'left later', outcome: 'aborted', charge: USAGE, settings: { aborted: 'drain' } },
  { ends: 'no output and no finish', outcome: 'empty', charge: NOTHING },
  {
    ends: 'no output and no finish',
    outcome: 'empty',
    charge: INPUT,
    settings: { empty: 'input' },
  },
  { ends: 'killed before dispatch', outcome: 'killed', accepted: false, charge: NOTHING },
  { ends: 'killed after dispatch', outcome: 'killed', accepted: true, charge: USAGE },
  { ends: 'killed', outcome: 'killed', charge: NOTHING, settings: { killed: 'free' } },
]

describe('who pays for what', () => {
  test.each(ROWS.map((row) => ({ ...row, set: JSON.stringify(row.settings ?? {}) })))(
    '$ends, $set: $charge',
    ({ outcome, accepted, charge, settings }) => {
      for (const wasAccepted of accepted === undefined ? [true, false] : [accepted]) {
        expect(chargeFor(outcome, wasAccepted, { ...DEFAULT_OUTCOMES, ...settings })).toEqual(
          charge,
        )
      }
    },
  )

  test('each setting changes its own row alone', () => {
    const others: OutcomeSettings = {
      cut: 'delivered',
      abortedEarly: 'free',
      aborted: 'drain',
      empty: 'input',
      killed: 'free',
    }
    expect(chargeFor('finished', true, others)).toEqual(USAGE)
    expect(chargeFor('failed', true, others)).toEqual(NOTHING)
    expect(chargeFor('aborted', true, others)).toEqual(USAGE)
  })
})
