import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ACCOUNT_NAME, addCredit, available, NO_CREDIT, placeHold, settleHold } from './account.ts'
import { micro, type MicroCredits } from './money.ts'

const credit = (balance: bigint, held = 0n) => ({ balance: micro(balance), held: micro(held) })

describe('a hold', () => {
  test('promises credit without spending it', () => {
    expect(placeHold(credit(100n), micro(30n))).toEqual(credit(100n, 30n))
  })

  test('may take the last micro-credit, and not one more', () => {
    expect(placeHold(credit(100n, 70n), micro(30n))).toEqual(credit(100n, 100n))
    expect(placeHold(credit(100n, 70n), micro(31n))).toBeUndefined()
  })

  test('of nothing is possible without credit', () => {
    expect(placeHold(NO_CREDIT, micro(0n))).toEqual(NO_CREDIT)
  })
})

describe('settling', () => {
  test('charges the cost and gives the rest of the hold back', () => {
    const settled = settleHold(credit(100n, 30n), micro(30n), micro(12n))
    expect(settled).toEqual({ credit: credit(88n), charged: 12n, overrun: 0n })
  })

  test('a cost above the hold is paid from free credit', () => {
    const settled = settleHold(credit(100n, 80n), micro(30n), micro(45n))
    expect(settled).toEqual({ credit: credit(55n, 50n), charged: 45n, overrun: 0n })
  })

  test('a cost above the hold and the free credit is the operator’s for the rest', () => {
    const settled = settleHold(credit(100n, 80n), micro(30n), micro(70n))
    expect(settled).toEqual({ credit: credit(50n, 50n), charged: 50n, overrun: 20n })
  })

  test('at no cost gives the whole hold back', () => {
    const settled = settleHold(credit(100n, 30n), micro(30n), micro(0n))
    expect(settled).toEqual({ credit: credit(100n), charged: 0n, overrun: 0n })
  })
})

type Step =
  | Readonly<{ kind: 'credit'; amount: MicroCredits }>
  | Readonly<{ kind: 'hold'; amount: MicroCredits }>
  | Readonly<{ kind: 'settle'; which: number; cost: MicroCredits }>

const amount = fc.bigInt({ min: 0n, max: 1_000n }).map(micro)
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('credit' as const), amount }),
  fc.record({ kind: fc.constant('hold' as const), amount }),
  fc.record({ kind: fc.constant('settle' as const), which: fc.nat(), cost: amount }),
)

test('whatever happens in whichever order, nothing is lost, and no promise is broken', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      let now = NO_CREDIT
      const open: MicroCredits[] = []
      const paid = { in: 0n, charged: 0n, overrun: 0n, cost: 0n }
      for (const one of steps) {
        if (one.kind === 'credit') {
          now = addCredit(now, one.amount) ?? now
          paid.in += one.amount
        } else if (one.kind === 'hold') {
          const isCovered = one.amount <= available(now)
          const placed = placeHold(now, one.amount)
          expect(placed !== undefined).toBe(isCovered)
          if (placed !== undefined) open.push(one.amount)
          now = placed ?? now
        } else if (open.length > 0) {
          const [hold = micro(0n)] = open.splice(one.which % open.length, 1)
          const settled = settleHold(now, hold, one.cost)
          now = settled.credit
          paid.charged += settled.charged
          paid.overrun += settled.overrun
          paid.cost += one.cost
        }
        const held = open.reduce((total, hold) => total + hold, 0n)
        expect(now.held).toBe(held)
        expect(now.balance >= held).toBe(true)
        expect(now.balance).toBe(paid.in - paid.charged)
        expect(paid.charged + paid.overrun).toBe(paid.cost)
      }
    }),
  )
})

describe('account names', () => {
  test.each(['a', 'anna@example.com', 'team-7', 'A.b_c+d', 'x'.repeat(64)])('%s is one', (name) => {
    expect(ACCOUNT_NAME.test(name)).toBe(true)
  })

  test.each(['', ' a', '.a', '-a', 'a b', 'a\n', 'a\r\nb', 'é', '<script>', 'a/b', 'x'.repeat(65)])(
    '%j is none',
    (name) => {
      expect(ACCOUNT_NAME.test(name)).toBe(false)
    },
  )
})
