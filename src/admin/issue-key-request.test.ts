import { describe, expect, test } from 'vitest'
import { Failure } from '../domain/failure.ts'
import { durationMs } from './fields.ts'
import { parseIssueKey } from './issue-key-request.ts'

function refusal(body: unknown): Failure {
  try {
    parseIssueKey(body)
  } catch (error) {
    if (error instanceof Failure) return error
    throw error
  }
  throw new Error('it was accepted')
}

describe('the wish for a key', () => {
  test('of a user needs an account, and credit only if there is to be some', () => {
    const wish = { role: 'user', account: 'anna', credits: 0n }
    expect(parseIssueKey({ type: 'user', account: 'anna' })).toEqual(wish)
    expect(parseIssueKey({ type: 'user', account: 'anna', credits: null })).toEqual(wish)
  })

  test('of a user carries credit, tier, end and models', () => {
    const body = {
      type: 'user',
      account: 'anna',
      credits: '12.5',
      tier: 'premium',
      expires: '2030-01-31',
      models: ['a', 'b'],
    }
    expect(parseIssueKey(body)).toEqual({
      role: 'user',
      account: 'anna',
      credits: 12_500_000n,
      tier: 'premium',
      expiresAt: Date.UTC(2030, 0, 31),
      models: ['a', 'b'],
    })
  })

  test('of an admin has no account and no credit, and whoever says some meant a user', () => {
    const nothing = { account: null, credits: null, tier: null, models: null, limits: null }
    const wish = parseIssueKey({ type: 'admin', ...nothing, expires: 7 })
    expect(wish).toEqual({ role: 'admin', expiresAt: 7 })
    const users = { account: 'anna', credits: '5', tier: 'free', models: ['a'], limits: {} }
    for (const [param, value] of Object.entries(users))
      expect(refusal({ type: 'admin', [param]: value })).toMatchObject({
        ...{ code: 'invalid_request', details: { param } },
      })
  })

  test.each<[object, string]>([
    [{ type: undefined }, 'type'],
    [{ type: 'root' }, 'type'],
    [{ account: undefined }, 'account'],
    [{ account: '' }, 'account'],
    [{ account: 7 }, 'account'],
    [{ credits: -1 }, 'credits'],
    [{ credits: 0.5 }, 'credits'],
    [{ credits: '1e3' }, 'credits'],
    [{ credits: '0.0000001' }, 'credits'],
    [{ credits: {} }, 'credits'],
    [{ tier: 1 }, 'tier'],
    [{ expires: 'soon' }, 'expires'],
    [{ expires: 0 }, 'expires'],
    [{ expires: -5 }, 'expires'],
    [{ expires: 1.5 }, 'expires'],
    [{ expires: true }, 'expires'],
    [{ models: [] }, 'models'],
    [{ models: 'a' }, 'models'],
    [{ models: [1] }, 'models'],
    [{ balance: '100' }, 'balance'],
    [{ role: 'admin' }, 'role'],
  ])('%j is refused by name', (fields, param) => {
    const failure = refusal({ type: 'user', account: 'anna', ...fields })
    expect(failure).toMatchObject({ code: 'invalid_request', details: { param } })
  })

  test('is refused in words of ours, also where it is of another kind than it should be', () => {
    const told = (fields: object) => refusal({ type: 'user', account: 'anna', ...fields }).message
    expect(told({ limits: [] })).toBe("'limits' must be a JSON object.")
    expect(told({ limits: { lunch: 1 } })).toMatch(
      /^There is no field 'limits.lunch'. Fields: requests_per_minute, /,
    )
    expect(refusal({ type: 'user', account: 'anna', tags: 'a' }).message).not.toContain('expected')
  })

  test.each([[null], [[]], ['user'], [undefined]])('%j is no wish', (body) => {
    expect(refusal(body).code).toBe('invalid_request')
  })
})

test.each([
  ['30d', 30 * 86_400_000],
  ['12h', 12 * 3_600_000],
  ['5m', 300_000],
  ['2w', 14 * 86_400_000],
  ['0d', undefined],
  ['d', undefined],
  ['1.5d', undefined],
  ['-1d', undefined],
  ['1y', undefined],
  ['9999999d', undefined],
  ['2027-01-31', undefined],
])('%s lasts %s ms', (text, ms) => {
  expect(durationMs(text)).toBe(ms)
})
