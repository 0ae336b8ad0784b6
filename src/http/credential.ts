import type { RequestHeaders } from './quick/request-head.ts'

/** The caller's secret, from wherever the clients of the different providers put it. */
export function credentialOf(headers: RequestHeaders): string | undefined {
  const { authorization } = headers
  if (authorization !== undefined && /^bearer /i.test(authorization))
    return authorization.slice(7).trim()
  for (const name of ['x-api-key', 'api-key', 'x-goog-api-key'] as const) {
    const value = headers[name]
    if (typeof value === 'string') return value.trim()
  }
  return undefined
}
