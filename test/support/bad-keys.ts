import { randomBytes } from 'node:crypto'
import { formatKey } from '../../src/credentials/key-format.ts'
import type { GatewayProcess } from './gateway-process.ts'
import { raw } from './raw.ts'

/** Credentials of every kind that is good for nothing, all but the last two as long as a good one. */
export type BadKeys = Readonly<
  Record<'unknown' | 'revoked' | 'expired' | 'garbled' | 'checksum' | 'short' | 'empty', string>
>

export async function makeBadKeys(gateway: GatewayProcess): Promise<BadKeys> {
  const ask = async (method: string, path: string, body?: object) => {
    const wish = body === undefined ? {} : { body: JSON.stringify(body) }
    const answer = await raw({ url: gateway.url, key: gateway.adminKey, method, path, ...wish })
    return JSON.parse(answer.body) as { keyId: string; key: string }
  }
  const issue = (more: object = {}) =>
    ask('POST', '/admin/keys', { type: 'user', account: 'left', ...more })
  const revoked = await issue()
  await ask('DELETE', `/admin/keys/${revoked.keyId}`)
  const expires = Date.now() + 1_000
  const expired = await issue({ expires: new Date(expires).toISOString() })
  await new Promise((resolve) => setTimeout(resolve, expires + 50 - Date.now())) // until it is none
  const unknown = formatKey(randomBytes(32))
  return {
    ...{ unknown, revoked: revoked.key, expired: expired.key },
    garbled: 'x'.repeat(unknown.length),
    checksum: unknown.slice(0, -1) + (unknown.endsWith('0') ? '1' : '0'),
    ...{ short: 'tg-', empty: '' },
  }
}
