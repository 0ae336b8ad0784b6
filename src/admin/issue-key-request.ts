import { isObject, type JsonObject } from '../domain/chat-request.ts'
import { invalidRequest } from '../domain/failure.ts'
import { formatCredits, parseCredits } from '../domain/money.ts'
import { STAFF_ROLES, type StaffRole } from '../domain/role.ts'
import type { IssuedKey, KeyWish } from './issue-key.ts'

const FIELDS = new Set(['type', 'role', 'account', 'credits', 'tier', 'expires', 'models'])

/** Reads the wish for a key from JSON: the body of POST /admin/keys and what the command line sends are the same. */
export function parseIssueKey(body: unknown): KeyWish {
  if (!isObject(body)) throw invalidRequest('Send a JSON object.')
  for (const name of Object.keys(body)) {
    if (!FIELDS.has(name))
      throw invalidRequest(`There is no field '${name}'. Fields: ${[...FIELDS].join(', ')}.`, name)
  }
  const expiresAt = expiry(body['expires'])
  const expires = expiresAt === undefined ? {} : { expiresAt }
  if (body['type'] === 'admin') return { role: staffRole(body['role']), ...expires }
  if (body['type'] !== 'user') throw invalidRequest("'type' must be 'user' or 'admin'.", 'type')
  if (body['role'] !== undefined) throw invalidRequest("'role' is for admin keys.", 'role')
  const tier = optionalText(body, 'tier')
  const models = modelList(body['models'])
  return {
    role: 'user',
    account: optionalText(body, 'account') ?? missing('account'),
    credits: parseCredits(body['credits'] ?? '0') ?? badCredits(),
    ...expires,
    ...(tier !== undefined && { tier }),
    ...(models !== undefined && { models }),
  }
}

export const issuedKeyView = (issued: IssuedKey) => ({
  key: issued.secret,
  keyId: issued.keyId,
  role: issued.role,
  account: issued.account,
  tier: issued.tier,
  credits: formatCredits(issued.balance),
})

export type IssuedKeyView = ReturnType<typeof issuedKeyView>

function missing(name: string): never {
  throw invalidRequest(`'${name}' is missing.`, name)
}

function badCredits(): never {
  throw invalidRequest(
    "'credits' must be a decimal string with at most six places, or a whole number, and not negative.",
    'credits',
  )
}

function staffRole(value: unknown): StaffRole {
  const role = STAFF_ROLES.find((one) => one === (value ?? 'admin'))
  if (role !== undefined) return role
  throw invalidRequest(`'role' must be one of ${STAFF_ROLES.join(', ')}.`, 'role')
}

function optionalText(body: JsonObject, name: string): string | undefined {
  const value = body[name]
  if (value === undefined || value === null) return undefined
  if (typeof value === 'string' && value !== '') return value
  throw invalidRequest(`'${name}' must be a string.`, name)
}

function modelList(value: unknown): readonly string[] | undefined {
  if (value === undefined || value === null) return undefined
  if (Array.isArray(value) && value.length > 0 && value.every((one) => typeof one === 'string'))
    return value
  throw invalidRequest("'models' must be a list of model names.", 'models')
}

const DURATION = /^([1-9][0-9]{0,5})([mhdw])$/
const UNIT_MS = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const

/** A date ("2027-01-31", or with a time) or milliseconds since 1970. Durations are resolved before they come here. */
function expiry(value: unknown): number | undefined {
  if (value === undefined || value === null) return undefined
  const time = typeof value === 'string' ? Date.parse(value) : value
  if (typeof time === 'number' && Number.isSafeInteger(time) && time > 0) return time
  throw invalidRequest(
    "'expires' must be a date such as 2027-01-31 or 2027-01-31T12:00:00Z.",
    'expires',
  )
}

/** "30d" from now. */
export function durationMs(text: string): number | undefined {
  const [, count, unit] = DURATION.exec(text) ?? []
  return unit === undefined ? undefined : Number(count) * UNIT_MS[unit as keyof typeof UNIT_MS]
}
