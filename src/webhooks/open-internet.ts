import { BlockList, isIP } from 'node:net'

/**
 * Whether an address is one of the open internet. Whoever may name a receiver must not reach through the gateway what only
 * the gateway can reach: itself, its neighbours, and the services that clouds offer to their machines.
 */
export function isOpen(address: string): boolean {
  const kind = isIP(address)
  if (kind === 4) return !CLOSED.check(address)
  return kind === 6 && GLOBAL.check(address, 'ipv6') && !CLOSED.check(address, 'ipv6')
}

/** Ranges that an operator opened all the same: `10.0.0.0/8`, `192.168.1.7`. */
export function rangesOf(texts: readonly string[]): BlockList {
  const list = new BlockList()
  for (const text of texts) {
    const [address = '', bits] = text.split('/')
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
    list.addSubnet(
      address,
      bits === undefined ? (family === 'ipv6' ? 128 : 32) : Number(bits),
      family,
    )
  }
  return list
}

export const isWithin = (list: BlockList, address: string): boolean =>
  list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')

const CLOSED = rangesOf([
  ...['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16'],
  ...['172.16.0.0/12', '192.0.0.0/24', '192.0.2.0/24', '192.88.99.0/24', '192.168.0.0/16'],
  ...['198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24', '224.0.0.0/4', '240.0.0.0/4'],
  // Teredo, documentation and 6to4: the last carries an IPv4 address of anybody's choice.
  ...['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20'],
])
/** All else of IPv6 is mapped, translated, local, multicast or nobody's. */
const GLOBAL = rangesOf(['2000::/3'])
