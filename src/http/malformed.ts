import type { IncomingMessage } from 'node:http'

const HEADERS_MAX = 1_000

/**
 * What Node's parser lets pass, and what another server on the way may have read differently: returns what is wrong with
 * it. It looks at the length of each name alone, and at the name only where that fits.
 */
export function malformed({ rawHeaders, httpVersionMinor }: IncomingMessage): string | undefined {
  if (rawHeaders.length > 2 * HEADERS_MAX) return `Send no more than ${HEADERS_MAX} headers.`
  let hosts = 0
  let authorizations = 0
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? ''
    if (name.length === 4 && name.toLowerCase() === 'host') hosts++
    else if (name.length === 13 && name.toLowerCase() === 'authorization') authorizations++
  }
  if (hosts > 1 || (hosts === 0 && httpVersionMinor === 1)) return 'Send one Host header.'
  return authorizations > 1 ? 'Send one Authorization header.' : undefined
}
