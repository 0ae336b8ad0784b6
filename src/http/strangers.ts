import type { IncomingMessage } from 'node:http'
import type { Failure } from '../domain/failure.ts'
import { clientAddress, networkOf } from './client-address.ts'
import { credentialOf } from './credential.ts'
import type { Site } from './site.ts'

/** Whoever watches the gateway asks often, from one place, and without a key. */
const PROBES = new Set(['/health', '/healthz', '/readyz'])

/** Throws the refusal of those who ask too often without a key. */
export async function countStranger(site: Site, req: IncomingMessage): Promise<void> {
  if (credentialOf(req.headers) !== undefined || PROBES.has(req.url ?? '')) return
  await site.house.strangers.came(addressOf(site, req))
}

/** Where a credential was wrong once too often, a refusal that says so. */
export async function countFailed(site: Site, req: From, failure: Failure): Promise<Failure> {
  if (failure.code !== 'invalid_api_key') return failure
  return site.house.strangers.failed(addressOf(site, req), failure)
}

type From = Parameters<typeof clientAddress>[0]

/** Whose counters a request shares. */
export const addressOf = ({ settings }: Site, req: From): string =>
  networkOf(clientAddress(req, settings().trustedProxies))
