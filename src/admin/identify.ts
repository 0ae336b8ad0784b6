import type { Actor } from '../domain/actor.ts'
import { Failure, invalidKey, invalidRequest } from '../domain/failure.ts'
import { isUsable, type KeyRecord } from '../domain/key.ts'
import { isStaff } from '../domain/role.ts'
import type { Keys } from '../ports/keys.ts'
import type { Registry } from '../ports/ledger.ts'
import type { Secrets } from '../ports/secrets.ts'
import type { OutsideTokens, Session, SessionSigner } from '../ports/session-signer.ts'
import { isMaster } from './master-key.ts'
import { outsideActors } from './outside-actors.ts'
import { SeenTokens } from './seen-tokens.ts'
import { SessionPace } from './session-pace.ts'
import { standInFor } from './users.ts'

export type Begun = Readonly<{ token: string; expiresAt: number; actor: Actor }>

export type Identities = Readonly<{
  /** Who a credential belongs to: a key, a session, or a token of an issuer that is trusted. */
  identify(credential: string | undefined): Promise<Actor>
  /** A token becomes the record of what it allows; everything else stays what it is, for keys are looked up at once. */
  resolve(credential: string | undefined): Promise<string | KeyRecord | undefined>
  /** A session for somebody who is known: it ends by itself, with what it was begun by, or when they sign out. */
  begin(actor: Actor): Promise<Begun>
  /** Ends the session that this is the token of. */
  signOut(credential: string | undefined): Promise<void>
}>

type Needs = Readonly<{
  keys: Keys
  registry: Registry
  secrets: Pick<Secrets, 'newId'>
  signer: SessionSigner
  outside: OutsideTokens
  /** Changes with the list of issuers: what was good by another list is checked again. */
  trust: () => unknown
  nowMs: () => number
  ticksMs: () => number
  hours: number
  hasTier: (name: string) => boolean
}>

/** Every JWT begins like this, because a JSON object does; no key does. */
export const isToken = (credential: unknown): credential is string =>
  typeof credential === 'string' && credential.startsWith('eyJ')

/** Whatever a token says is looked up each time: it ends with its key, its user, its account. */
export function identities(needs: Needs): Identities {
  const { keys, registry, secrets, signer, nowMs, hours } = needs
  const verify = verifying(needs)
  const pace = new SessionPace(needs.ticksMs)
  const actorBy = async (token: string): Promise<Actor | undefined> => {
    const verified = await verify(token)
    if (verified === undefined || registry.hasEnded(verified.id)) return undefined
    if (verified.session !== undefined) return actorIn(needs, verified)
    return isUsable(verified.outside.key, nowMs()) ? verified.outside : undefined
  }
  const identify = async (credential: string | undefined): Promise<Actor> => {
    const actor = isToken(credential) ? await actorBy(credential) : undefined
    return actor ?? holderOf(keys.find(keys.hashOf(credential ?? '')), nowMs())
  }
  return {
    identify,
    resolve: async (credential) =>
      (isToken(credential) ? (await actorBy(credential))?.key : undefined) ?? credential,
    async begin(actor) {
      pace.begins(actor.by)
      const [id, beganAt] = [secrets.newId('ses'), nowMs()]
      const expiresAt = beganAt + hours * 3_600_000
      const token = await signer.sign({ id, subject: actor.key.id, beganAt, expiresAt })
      const { account } = actor.key
      const begun = { kind: 'session-begun', ref: id, account, until: expiresAt } as const
      await registry.note({ ...begun, by: actor.by })
      return { token, expiresAt, actor }
    },
    async signOut(credential) {
      const actor = await identify(credential)
      const verified = isToken(credential) ? await verify(credential) : undefined
      if (verified === undefined)
        throw invalidRequest('This is a key and no session: it is revoked, not signed out.')
      const until = verified.session?.expiresAt ?? verified.outside?.key.expiresAt ?? 0
      await registry.endSession({
        ...{ id: verified.id, account: actor.key.account, until, by: actor.by },
      })
    },
  }
}

/** What stands behind a token; known by the token's hash once it was found good. */
function verifying(needs: Needs) {
  const { keys, signer, trust, ticksMs } = needs
  const seen = new SeenTokens<Verified>()
  const actorOf = outsideActors(needs)
  const isFresh = (known: Verified): boolean =>
    known.trust === trust() && (known.outside === undefined || ticksMs() < known.freshUntilTicks)
  const verifyOutside = async (token: string): Promise<Verified | undefined> => {
    const [before, freshUntilTicks] = [trust(), ticksMs() + FRESH_MS]
    const identity = await needs.outside.verify(token)
    if (identity === undefined) return undefined
    return {
      id: idOf(keys, token),
      outside: await actorOf(identity),
      trust: before,
      freshUntilTicks,
    }
  }
  const check = async (token: string, known: Verified | undefined) => {
    const session = await signer.verify(token)
    if (session !== undefined) return { session, id: session.id, trust: trust() }
    try {
      return await verifyOutside(token)
    } catch (error) {
      // That its issuer is away says nothing about a token that was good.
      if (known?.outside === undefined || known.trust !== trust() || !isAway(error)) throw error
      return { ...known, freshUntilTicks: ticksMs() + AWAY_MS }
    }
  }
  return async (token: string): Promise<Verified | undefined> => {
    const name = keys.hashOf(token)
    const known = seen.get(name)
    if (known !== undefined && isFresh(known)) return known
    const verified = await check(token, known)
    if (verified !== undefined) seen.add(name, verified)
    return verified
  }
}

/** The same for all ways to write a token's signature: whoever signed out of it is out of every one of them. */
const idOf = (keys: Keys, token: string): string =>
  keys.hashOf(token.slice(0, token.lastIndexOf('.')))

const isAway = (error: unknown): boolean =>
  error instanceof Failure && error.code === 'upstream_unavailable'

/** What was found good once. A stand-in is kept as long as its user stays the same. */
type Verified = { readonly id: string; readonly trust: unknown } & (
  | { readonly session: Session; standIn?: ReturnType<typeof standInFor>; outside?: never }
  /** Its issuer may take a key back, so it is looked at again after a while. */
  | { readonly outside: Actor; readonly freshUntilTicks: number; session?: never }
)

const FRESH_MS = 5 * 60_000
const AWAY_MS = 30_000

function actorIn(
  { keys, registry, nowMs }: Needs,
  verified: Extract<Verified, { session: Session }>,
): Actor | undefined {
  const { subject, beganAt, expiresAt } = verified.session
  if (expiresAt <= nowMs()) return undefined
  if (!subject.startsWith('user:')) {
    const key = keys.withId(subject)
    return key && isUsable(key, nowMs()) ? holderOf(key, nowMs()) : undefined
  }
  const user = registry.user(subject.slice('user:'.length))
  if (user === undefined || user.changedAt > beganAt) return undefined
  if (verified.standIn?.user !== user) verified.standIn = standInFor(user)
  return verified.standIn.actor
}

/** Missing, malformed, unknown, revoked and expired have one answer. */
function holderOf(key: KeyRecord | undefined, nowMs: number): Actor {
  if (key === undefined || !isUsable(key, nowMs)) throw invalidKey()
  // Journals of older versions call the master key an admin's.
  return isMaster(key) ? { key, by: 'master', role: 'owner' } : { key, by: key.id, role: key.role }
}

export function staffAlone(actor: Actor): Actor {
  if (isStaff(actor.role)) return actor
  throw new Failure('key_not_allowed', 'This needs an admin key.')
}
