import { z } from 'zod'
import type { Doer } from '../domain/actor.ts'
import { Failure, invalidRequest } from '../domain/failure.ts'
import { isUsable, lineOf, type KeyRecord } from '../domain/key.ts'
import { limitsView } from '../domain/limit.ts'
import type { KeyChange } from '../domain/register.ts'
import { mayHandOut } from '../domain/role.ts'
import type { Keys } from '../ports/keys.ts'
import type { Registry } from '../ports/ledger.ts'
import type { Secrets } from '../ports/secrets.ts'
import { doneBefore } from './done-before.ts'
import { duration, limits, models, moment, tags } from './fields.ts'
import { isMaster } from './master-key.ts'
import { pageOf, type PageQuery } from './page.ts'

const change = {
  models: models
    .min(1, 'must name at least one model; null lifts the limit.')
    .nullable()
    .optional(),
  limits: limits.optional(),
  tags: tags.optional(),
  expires: moment.nullable().optional(),
}

/** What is to change of a key; null takes an end or a limit to models away. */
export const keyChangeForm = z
  .strictObject(change)
  .refine((said) => Object.values(said).some((one) => one !== undefined), {
    error: `Name what is to change: ${Object.keys(change).join(', ')}.`,
  })
  .transform((said) => ({
    ...(said.models !== undefined && { models: said.models ?? [] }),
    ...(said.limits !== undefined && { limits: said.limits }),
    ...(said.tags !== undefined && { tags: said.tags }),
    ...(said.expires !== undefined && { expiresAt: said.expires ?? 0 }),
  }))

export const rotationForm = z.strictObject({
  grace: duration
    .default(0)
    .meta({ description: 'For so long the old key goes on working; at once it ends without it' }),
})

const STATES = ['active', 'expired', 'revoked'] as const

export const keyQuery = z.strictObject({
  account: z.string().optional(),
  role: z.string().optional(),
  tag: z.string().optional(),
  state: z.enum(STATES, { error: `must be one of ${STATES.join(', ')}.` }).optional(),
})

type Needs = Readonly<{
  registry: Registry
  keys: Keys
  secrets: Secrets
  nowMs: () => number
  hasModel: (id: string) => boolean
}>

export type KeyAdmin = ReturnType<typeof keyAdmin>

/** Keys as operators see and change them: never the secret, which is shown when it is made. */
export function keyAdmin(needs: Needs) {
  const { registry, keys, nowMs } = needs
  const view = (key: KeyRecord) => keyView(key, nowMs())
  const found = (id: string): KeyRecord => {
    const key = keys.withId(id)
    if (key !== undefined) return key
    throw new Failure('not_found', 'There is no key of this id. GET /admin/keys lists them.')
  }
  const changeable = (id: string, actor: Doer): KeyRecord => {
    const key = found(id)
    checkMay(key, actor)
    if (key.revokedAt === undefined) return key
    throw invalidRequest('This key is revoked, and stays as it is. Issue another one.')
  }
  return {
    view: (id: string) => view(found(id)),
    list: (query: z.output<typeof keyQuery>, page: PageQuery) =>
      pageOf(registry.keys(page.from), page, (key) =>
        isAskedFor(key, query, nowMs()) ? view(key) : undefined,
      ),
    async change(id: string, wanted: KeyChange, actor: Doer) {
      changeable(id, actor)
      checkChange(wanted, needs)
      await registry.changeKey(id, wanted, actor.by)
      return view(found(id))
    },
    async revoke(id: string, actor: Doer) {
      checkMay(found(id), actor)
      if (actor.by === id)
        throw invalidRequest('A key does not revoke itself. Use another one, or the master key.')
      await registry.revokeKey(id, actor.by)
      return view(found(id))
    },
    rotate: (id: string, graceMs: number, actor: Doer) =>
      rotate(needs, changeable(id, actor), { graceMs, by: actor.by, call: actor.call }),
  }
}

type Rotation = Readonly<{ graceMs: number; by: string; call: string | undefined }>

/** Another secret under the same rules. Both entries reach the disk together. */
async function rotate(
  { registry, keys, secrets, nowMs }: Needs,
  old: KeyRecord,
  { graceMs, by, call }: Rotation,
) {
  const { secret, ...made } = secrets.newKey(call)
  if (keys.withId(made.id) !== undefined) throw doneBefore(made.id)
  checkIsLast(registry, old)
  if (!isUsable(old, nowMs()))
    throw invalidRequest('This key has expired, and so would the next. Give it a later end first.')
  const { account, role, models, limits, tags, expiresAt } = old
  const end = nowMs() + graceMs
  const isEndLater = expiresAt === undefined || expiresAt > end
  await Promise.all([
    registry.addKey({
      ...{ ...made, account, role, line: lineOf(old), by },
      ...(models !== undefined && { models }),
      ...(limits !== undefined && { limits }),
      ...(tags !== undefined && { tags }),
      ...(expiresAt !== undefined && { expiresAt }),
    }),
    graceMs === 0
      ? registry.revokeKey(old.id, by)
      : isEndLater
        ? registry.changeKey(old.id, { expiresAt: end }, by)
        : undefined,
  ])
  return { key: secret, keyId: made.id, replaces: old.id, account, role }
}

/** A key has one successor, or its rules would hold for many at once. */
function checkIsLast(registry: Registry, old: KeyRecord): void {
  let isBehind = false
  for (const key of registry.keys(0)) {
    if (isBehind && key.line === lineOf(old) && key.revokedAt === undefined)
      throw invalidRequest(`This key has been replaced by ${key.id}. Rotate that one.`)
    isBehind ||= key.id === old.id
  }
}

function checkMay(key: KeyRecord, { role }: Doer): void {
  if (isMaster(key))
    throw new Failure(
      'key_not_allowed',
      'The master key is set by ADMIN_FIRST, and by nothing else.',
    )
  if (!mayHandOut(role, key.role))
    throw new Failure('key_not_allowed', `The role '${role}' has no say over such a key.`)
}

function checkChange({ expiresAt, models = [] }: KeyChange, { nowMs, hasModel }: Needs): void {
  if (expiresAt !== undefined && expiresAt !== 0 && expiresAt <= nowMs())
    throw invalidRequest('The key would have expired already. Revoke it instead.', 'expires')
  const unknown = models.find((model) => !hasModel(model))
  if (unknown === undefined) return
  throw new Failure('model_not_found', `There is no model '${unknown}' in the configuration.`, {
    param: 'models',
  })
}

const stateOf = (key: KeyRecord, nowMs: number): (typeof STATES)[number] =>
  key.revokedAt !== undefined ? 'revoked' : isUsable(key, nowMs) ? 'active' : 'expired'

function isAskedFor(key: KeyRecord, query: z.output<typeof keyQuery>, nowMs: number): boolean {
  const { account, role, tag, state } = query
  if (account !== undefined && key.account !== account) return false
  if (role !== undefined && key.role !== role) return false
  if (tag !== undefined && !(key.tags ?? []).includes(tag)) return false
  return state === undefined || stateOf(key, nowMs) === state
}

const timeOf = (ms: number | undefined): string | null =>
  ms === undefined ? null : new Date(ms).toISOString()

const keyView = (key: KeyRecord, nowMs: number) => ({
  id: key.id,
  hint: key.hint,
  account: key.account,
  role: isMaster(key) ? 'owner' : key.role,
  state: stateOf(key, nowMs),
  models: key.models ?? null,
  limits: limitsView(key.limits ?? {}),
  tags: key.tags ?? [],
  weak: key.weak ?? false,
  created_at: timeOf(key.createdAt),
  expires_at: timeOf(key.expiresAt),
  revoked_at: timeOf(key.revokedAt),
})
