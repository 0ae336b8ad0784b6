import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Entry, HoldEntry, SettleEntry } from '../../domain/entry.ts'
import { ChainedText } from './chained-text.ts'
import { PlainFields } from './plain-fields.ts'

/** Undefined: left to JSON. */
function textOf(fields: PlainFields, entry: Entry): string | undefined {
  const text = new ChainedText()
  text.begin('')
  const isWritten = fields.write(entry, text)
  if (!isWritten) expect(text.end).toBe(0)
  return isWritten ? text.batch.toString() : undefined
}

const few = (...names: string[]) => fc.constantFrom(...names, 'odd"')

const HEAD = fc.record({
  account: few('acc_1', 'acc_2'),
  key: few('key_1', 'key_2'),
  model: few('gpt-4o', 'o3'),
  price: few('p_1', 'p_2'),
})

const HOLD = HEAD.map((head): HoldEntry => {
  const amounts = { amount: '3', balance: '2', held: '1' }
  const { account, key, model, price } = head
  return { kind: 'hold', at: 1, account, ref: 'req_1', ...amounts, key, model, price, input: '1' }
})

const DEPLOYMENT = fc.option(few('a/gpt-4o', 'b/gpt-4o'), { nil: undefined })

const SETTLE = fc
  .tuple(HEAD, DEPLOYMENT, DEPLOYMENT)
  .map(([head, deployment, tried = 'c/o3']): SettleEntry => {
    const { account, key, model, price } = head
    const amounts = { amount: '3', balance: '2', held: '1' }
    return {
      ...{ kind: 'settle', at: 2, account, ref: 'req_1', ...amounts, key, model, deployment },
      ...{ outcome: 'finished', cost: '3', price, usage: { input: 1 } },
      ...{ attempts: [{ deployment: tried, ms: 1.5 }], startedAt: 1, firstByteMs: 2, totalMs: 3 },
    }
  })

test('lines have their own names, however those change from one to the next', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(HOLD, SETTLE), { minLength: 20, maxLength: 60 }), (entries) => {
      const fields = new PlainFields()
      for (const entry of entries) {
        const json = JSON.stringify(entry).slice(1, -1)
        const text = textOf(fields, entry)
        expect(text ?? json).toBe(json)
        if (!json.includes('odd')) expect(text).toBeDefined()
      }
    }),
  )
})

test('more names than are remembered are written as well', () => {
  const fields = new PlainFields()
  for (let index = 0; index < 25_000; index++) {
    const [account, key] = [`acc_${index % 3}`, `key_${index}`]
    const amounts = { amount: '3', balance: '2', held: '1' }
    const names = { account, ref: 'req_1', ...amounts, key, model: 'o3', price: 'p_1', input: '1' }
    expect(textOf(fields, { kind: 'hold', at: 1, ...names })).toContain(`"account":"${account}"`)
  }
})
