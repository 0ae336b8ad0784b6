import type { IncomingMessage } from 'node:http'

/** Of the few whose path was brought to its one form. */
const sent = new WeakMap<IncomingMessage, string>()

/** Has a request go by its canonical path. */
export function canonicalize(req: IncomingMessage): void {
  const { url = '/' } = req
  req.url = canonicalUrl(url)
  if (req.url !== url) sent.set(req, url)
}

export const urlAsSent = (req: IncomingMessage): string => sent.get(req) ?? req.url ?? '/'

/**
 * Clients put the base address with or without /v1, with a slash too many, or twice: they all mean the same route.
 * The paths that every SDK uses as documented are returned at once.
 */
export function canonicalUrl(url: string): string {
  if (url === '/v1/chat/completions') return url
  const query = url.indexOf('?')
  const path = query === -1 ? url : url.slice(0, query)
  return canonicalPath(path) + (query === -1 ? '' : url.slice(query))
}

const BARE = /^\/(?:chat\/completions|models|account)(?:\/|$)/

function canonicalPath(path: string): string {
  const single = path.replace(/\/{2,}/g, '/')
  const plain = single
    .replace(/^\/openai(?=\/v1\/|\/chat\/|\/models)/, '')
    .replace(/^(?:\/v1)+(?=\/)/, '/v1')
  const full = BARE.test(plain) ? `/v1${plain}` : plain
  return full.length > 1 && full.endsWith('/') ? full.slice(0, -1) : full
}
