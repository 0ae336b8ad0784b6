import http from 'node:http'
import https from 'node:https'
import { isIP, type BlockList } from 'node:net'
import { isOpen, isWithin } from './open-internet.ts'

type Resolve = (host: string) => Promise<readonly string[]>
export type Egress = Readonly<{ resolve: Resolve; allowed: () => BlockList }>
export type Posting = Readonly<{
  url: string
  body: string
  headers: Readonly<Record<string, string>>
  timeoutMs: number
}>
export type Posted = { ok: true } | { ok: false; reason: string }

/** A place that nothing is sent to, and why; undefined where it may be. */
export async function refusedPlace(
  { resolve, allowed }: Egress,
  text: string,
): Promise<{ address: string } | { reason: string }> {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !['http:', 'https:'].includes(url.protocol))
    return { reason: 'it is no https address' }
  if (url.username !== '' || url.password !== '')
    return { reason: 'it has a name or password in it' }
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const addresses = isIP(host) === 0 ? await resolve(host).catch(() => []) : [host]
  const [address] = addresses
  if (address === undefined) return { reason: 'its name is unknown' }
  // All of them: which one would be taken is chance, and may change.
  const ranges = allowed()
  if (!addresses.every((one) => isOpen(one) || isWithin(ranges, one)))
    return { reason: 'it is not on the open internet' }
  const isOwn = addresses.every((one) => isWithin(ranges, one))
  if (url.protocol !== 'https:' && !isOwn) return { reason: 'it is no https address' }
  return { address }
}

/** Sends to the very address that was looked at, once, and goes nowhere else from there. */
export async function postOnce(egress: Egress, posting: Posting): Promise<Posted> {
  const place = await refusedPlace(egress, posting.url)
  if ('reason' in place) return { ok: false, reason: place.reason }
  return new Promise((done) => {
    const { url, body, headers, timeoutMs } = posting
    const family = isIP(place.address)
    const { request } = url.startsWith('https:') ? https : http
    const sent = request(url, {
      ...{
        method: 'POST',
        agent: false,
        timeout: timeoutMs,
        signal: AbortSignal.timeout(timeoutMs),
      },
      headers: { ...headers, 'content-length': Buffer.byteLength(body) },
      lookup: (_host, options, found) => {
        if (options.all === true) found(null, [{ address: place.address, family }])
        else found(null, place.address, family)
      },
    })
    sent.once('response', (response) => {
      response.destroy() // its words are not for us
      const { statusCode = 0 } = response
      const ok = statusCode >= 200 && statusCode < 300
      done(ok ? { ok } : { ok, reason: `it answered ${statusCode}` })
    })
    sent.on('error', (error: Error & { code?: string }) => {
      done({ ok: false, reason: error.code ?? error.name })
    })
    sent.end(body)
  })
}
