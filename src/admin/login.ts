import { z } from 'zod'
import { Failure } from '../domain/failure.ts'
import type { Registry } from '../ports/ledger.ts'
import type { Passwords } from '../ports/passwords.ts'
import type { Begun, Identities } from './identify.ts'
import { LoginGuard } from './login-guard.ts'
import { standInFor } from './users.ts'

export const loginForm = z.strictObject({
  username: z
    .string({ error: 'must be a string.' })
    .min(1, 'must not be empty.')
    .max(64, 'is too long.'),
  password: z
    .string({ error: 'must be a string.' })
    .min(1, 'must not be empty.')
    .max(256, 'is too long.')
    .meta({ format: 'password' }),
})

type Needs = Readonly<{
  registry: Registry
  passwords: Passwords
  identities: Pick<Identities, 'begin'>
  ticksMs: () => number
}>

export type Login = (said: z.output<typeof loginForm>, from: string) => Promise<Begun>

/** A name and a password for a session. Who is not known takes as long to refuse as a wrong password. */
export function login({ registry, passwords, identities, ticksMs }: Needs): Login {
  const guard = new LoginGuard(ticksMs)
  return async ({ username, password }, from) => {
    const attempt = { from, username }
    const waitMs = guard.waitMs(attempt)
    if (waitMs > 0) throw tooMany(waitMs)
    const begun = guard.begins(attempt)
    const user = registry.user(username)
    if (!(await passwords.matches(password, user?.password)) || user === undefined) throw wrong()
    guard.succeeded(attempt, begun)
    return identities.begin(standInFor(user).actor)
  }
}

const wrong = (): Failure =>
  new Failure('invalid_api_key', 'Wrong name or password. The operator of this gateway sets both.')

const tooMany = (retryAfterMs: number): Failure =>
  new Failure('rate_limit_exceeded', 'Too many wrong passwords. Wait before you try again.', {
    retryAfterMs,
  })
