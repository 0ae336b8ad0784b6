import { identities } from '../admin/identify.ts'
import { login } from '../admin/login.ts'
import { userAdmin, type Users } from '../admin/users.ts'
import type { Config } from '../config/config.ts'
import { nodeSecrets } from '../credentials/node-secrets.ts'
import { outsideTokens } from '../credentials/outside-tokens.ts'
import { scryptPasswords } from '../credentials/passwords.ts'
import { jwtSigner } from '../credentials/session-signer.ts'
import type { Site } from '../http/site.ts'
import type { Clock } from '../ports/clock.ts'
import type { Events } from '../ports/events.ts'
import type { Store } from '../store/lowdb/open-store.ts'
import { seldom } from './seldom.ts'

type Needs = Readonly<{
  store: Store
  clock: Clock
  events: Pick<Events, 'warning'>
  config: () => Config
  sessionSecret: Uint8Array
}>

/** All by which somebody is known: keys, sessions, passwords, and the tokens of others. */
export function signingIn({
  store,
  clock,
  events,
  config,
  sessionSecret,
}: Needs): Pick<Site, 'identities' | 'login' | 'users'> {
  const { keys, registry } = store
  const { nowMs, ticksMs } = clock
  const passwords = scryptPasswords()
  const isToBeTold = seldom(ticksMs)
  const known = identities({
    ...{ keys, registry, nowMs, ticksMs, hours: config().jwtExpirationHours },
    secrets: nodeSecrets(keys.hashOf),
    signer: jwtSigner(sessionSecret, config().jwtAlgorithm),
    trust: () => config().issuers,
    outside: outsideTokens(
      () => config().issuers,
      nowMs,
      (facts) => {
        if (isToBeTold(facts.subject))
          events.warning('a good token of a user names no account that could be one', facts)
      },
    ),
    hasTier: (name) => config().tiers.has(name),
  })
  return {
    identities: known,
    login: login({ registry, passwords, identities: known, ticksMs }),
    users: userAdmin({ registry, passwords }),
  }
}

export const usersFor = ({ registry }: Store): Users =>
  userAdmin({ registry, passwords: scryptPasswords() })
