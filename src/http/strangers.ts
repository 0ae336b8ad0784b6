import type { IncomingMessage } from 'node:http'
import { Failure } from '../domain/failure.ts'
import type { Standing } from '../ports/limiter.ts'
import { clientAddress, networkOf } from './client-address.ts'
import { credentialOf } from './credential.ts'
import type { Site } from './site.ts'

/** Whoever watches the gateway asks often, from one place, and without a key. */
export const PROBES: ReadonlySet<string> = new Set(['/health', '/healthz', '/readyz'])

/**
 * Where no credential is asked for: throws the refusal of those who come too often without a valid one. Elsewhere they
 * are refused, and `countFailed` counts them.
 */
export async function countStranger(
  site: Site,
  req: IncomingMessage,
): Promise<Standing | undefined> {
  if (PROBES.has(req.url ?? '') || (await isKnown(site, req))) return undefined
  return site.house.strangers.came(addressOf(site, req))
}

/** A header that nobody looks at is no way around being counted. */
async function isKnown({ identities }: Site, { headers }: IncomingMessage): Promise<boolean> {
  const credential = credentialOf(headers)
  if (credential === undefined) return false
  try {
    await identities.identify(credential)
    return true
  } catch (error) {
    if (error instanceof Failure) return false
    throw error
  }
}

/** Where a credential was missing or wrong once too often, a refusal that says so. */
export async function countFailed(site: Site, req: From, failure: Failure): Promise<Failure> {
  if (failure.code !== 'invalid_api_key') return failure
  return site.house.strangers.failed(addressOf(site, req), failure)
}

type From = Parameters<typeof clientAddress>[0]

/** Whose counters a request shares. */
export const addressOf = ({ settings }: Site, req: From): string =>
  networkOf(clientAddress(req, settings().trustedProxies))
