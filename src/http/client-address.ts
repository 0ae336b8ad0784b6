import type { IncomingMessage } from 'node:http'
import type { RequestHeaders } from './quick/request-head.ts'
import { BlockList, isIP, isIPv4 } from 'node:net'

/** A request, whoever reads it. */
export type From = Readonly<{
  socket: Pick<IncomingMessage['socket'], 'remoteAddress'>
  headers: RequestHeaders
}>

/**
 * Where a request comes from: the nearest hop that is none of our proxies. What stands further away was written by
 * somebody whom nobody vouches for. Read from the right, because each proxy writes at the end whom it heard it from.
 */
export function clientAddress({ socket, headers }: From, trusted: readonly string[]): string {
  let address = addressIn(socket.remoteAddress ?? '') ?? ''
  if (trusted.length === 0) return address
  const proxies = proxiesOf(trusted)
  const forwarded = headers['x-forwarded-for']
  const hops = (Array.isArray(forwarded) ? forwarded.join(',') : (forwarded ?? '')).split(',')
  for (let at = hops.length - 1; at >= 0 && isIn(proxies, address); at--) {
    const next = addressIn(hops[at] ?? '')
    if (next === undefined) break
    address = next
  }
  return address
}

/** Whether it reached the first of our proxies by TLS: theirs is the word on it, and nobody else's. */
export function cameByTls({ socket, headers }: From, trusted: readonly string[]): boolean {
  const said = headers['x-forwarded-proto']
  if (said === undefined || trusted.length === 0) return false
  const nearest = said === 'https' ? said : String(said).split(',').at(-1)?.trim()
  return nearest === 'https' && isProxy(socket.remoteAddress ?? '', trusted)
}

let last = { address: '', trusted: [] as readonly string[], isTrusted: false }

/** Each request is asked about, and nearly all come from the one proxy: it takes microseconds to look it up. */
function isProxy(address: string, trusted: readonly string[]): boolean {
  if (address !== last.address || trusted !== last.trusted)
    last = { address, trusted, isTrusted: isIn(proxiesOf(trusted), addressIn(address) ?? '') }
  return last.isTrusted
}

/** Whose counters it shares: one line gets a whole /64 of IPv6, and may take any address in it. */
export function networkOf(address: string): string {
  if (isIP(address) !== 6) return address
  const text = new URL(`http://[${address}]`).hostname.slice(1, -1) // one way of writing each
  const [head = '', tail] = text.split('::')
  const groups = head === '' ? [] : head.split(':')
  if (tail !== undefined) groups.push('0', '0', '0', '0')
  return `${groups.slice(0, 4).join(':')}::/64`
}

/** An address as proxies write them: in brackets, with a port, with a zone, or an IPv4 one as IPv6. */
function addressIn(text: string): string | undefined {
  const bare = text.trim().replace(/^\[([^\]]*)\](?::[0-9]+)?$/, '$1')
  const plain = /^[0-9.]+:[0-9]+$/.test(bare) ? bare.slice(0, bare.indexOf(':')) : bare
  const unzoned = plain.replace(/%.*$/, '')
  const mapped = /^::ffff:([0-9.]+)$/i.exec(unzoned)?.[1]
  const address = mapped ?? unzoned
  return isIP(address) === 0 ? undefined : address
}

const isIn = (list: BlockList, address: string): boolean =>
  address !== '' && list.check(address, isIPv4(address) ? 'ipv4' : 'ipv6')

const known = new WeakMap<readonly string[], BlockList>()

function proxiesOf(trusted: readonly string[]): BlockList {
  const list = known.get(trusted) ?? new BlockList()
  if (known.has(trusted)) return list
  for (const range of trusted) {
    const [address = '', bits] = range.split('/')
    const kind = isIPv4(address) ? 'ipv4' : 'ipv6'
    if (bits === undefined) list.addAddress(address, kind)
    else list.addSubnet(address, Number(bits), kind)
  }
  known.set(trusted, list)
  return list
}
