import { describe, expect, test } from 'vitest'
import { parseLegacyFile } from './legacy-file.ts'
import { micro } from './money.ts'

const ONE = micro(1_000_000n)
const GOOD = { id: 'old-key-1', user_id: 'anna', tokens_gpt: 100 }

const problemsOf = (tokens: unknown): readonly string[] =>
  parseLegacyFile({ tokens }, ONE).problems.map(({ place, what }) => `${place} ${what}`)

describe('the file of the predecessor', () => {
  test('gives each key its account and its credit, and other fields mean nothing', () => {
    const { keys, problems } = parseLegacyFile(
      {
        tokens: [
          { ...GOOD, name: 'x' },
          { id: 'b', user_id: 4711, tokens_gpt: 0 },
        ],
        more: 1,
      },
      ONE,
    )
    expect(problems).toEqual([])
    expect(keys).toEqual([
      { place: 'tokens[0]', secret: 'old-key-1', account: 'anna', amount: 100_000_000n },
      { place: 'tokens[1]', secret: 'b', account: '4711', amount: 0n },
    ])
  })

  test('is turned into credits by the rate, exactly', () => {
    const { keys } = parseLegacyFile({ tokens: [{ ...GOOD, tokens_gpt: 3 }] }, micro(333_333n))
    expect(keys[0]?.amount).toBe(999_999n)
  })

  test.each<[object, RegExp]>([
    [{ tokens_gpt: undefined }, /^tokens\[1\]\.tokens_gpt is missing/],
    [{ tokens_gpt: null }, /tokens_gpt is not a number.*NaN/],
    [{ tokens_gpt: NaN }, /tokens_gpt is not a number/],
    [{ tokens_gpt: 1.5 }, /tokens_gpt must be a whole number/],
    [{ tokens_gpt: -1 }, /tokens_gpt must not be negative/],
    [{ tokens_gpt: 2 ** 53 }, /tokens_gpt is too large/],
    [{ tokens_gpt: 9_000_000_000_001 }, /tokens_gpt is too large/],
    [{ tokens_gpt: Infinity }, /tokens_gpt is too large/],
    [{ tokens_gpt: '100' }, /tokens_gpt must be a number/],
    [{ tokens_gpt: [100] }, /tokens_gpt must be a number/],
    [{ id: undefined }, /^tokens\[1\]\.id is missing/],
    [{ id: '' }, /id must be text/],
    [{ id: 'a b' }, /id must be text/],
    [{ id: 'ключ' }, /id must be text/],
    [{ id: 7 }, /id must be text/],
    [{ user_id: undefined }, /user_id is missing/],
    [{ user_id: 'a b' }, /user_id must be/],
    [{ user_id: 'operator' }, /user_id must be/],
    [{ user_id: '__proto__' }, /user_id must be/],
    [{ user_id: 1.5e300 }, /user_id must be/],
  ])('refuses %j, and says where it stands', (fields, problem) => {
    const bad = { id: 'old-key-2', user_id: 'berta', tokens_gpt: 1, ...fields }
    const problems = problemsOf([GOOD, bad])
    expect(problems).toEqual([expect.stringMatching(problem)])
  })

  test('with a key twice says which', () => {
    expect(problemsOf([GOOD, GOOD, { ...GOOD, user_id: 'b' }])).toEqual([
      'tokens[1].id is the same as that of tokens[0]',
      'tokens[2].id is the same as that of tokens[0]',
    ])
  })

  test('with more for one account than fits is refused', () => {
    const rich = { user_id: 'anna', tokens_gpt: 8_000_000_000_000 }
    expect(
      problemsOf([
        { ...rich, id: 'a' },
        { ...rich, id: 'b' },
      ]),
    ).toEqual(['tokens[1].tokens_gpt makes the credit of anna too large'])
  })

  test('tells all problems of an entry, and of the file', () => {
    expect(problemsOf([{}, 7])).toHaveLength(4)
    for (const file of [null, [], 'x', {}, { tokens: {} }])
      expect(parseLegacyFile(file, ONE).problems).toHaveLength(1)
  })

  test('never has a key quoted', () => {
    expect(problemsOf([{ id: 'se cret', user_id: '', tokens_gpt: '' }]).join()).not.toContain(
      'se cret',
    )
  })
})
