import { expect, test } from 'vitest'
import { cameByTls, clientAddress, networkOf } from './client-address.ts'

const TRUSTED = ['10.0.0.0/8', '192.168.7.1', 'fd00::/8']

function from(remoteAddress: string, forwarded?: string | string[], trusted = TRUSTED): string {
  const headers = forwarded === undefined ? {} : { 'x-forwarded-for': forwarded }
  return clientAddress({ socket: { remoteAddress }, headers }, trusted)
}

test.each([
  ['nobody is trusted unless it is said', '203.0.113.5', '198.51.100.9', '203.0.113.5', []],
  ['a stranger cannot say who they are', '203.0.113.5', '198.51.100.9', '203.0.113.5'],
  ['nor as one of the proxies', '203.0.113.5', '10.0.0.1', '203.0.113.5'],
  ['a proxy says whom it heard it from', '10.0.0.1', '198.51.100.9', '198.51.100.9'],
  [
    'what the caller wrote before it does not count',
    '10.0.0.1',
    '1.1.1.1, 198.51.100.9',
    '198.51.100.9',
  ],
  ['not even when it looks like a proxy', '10.0.0.1', '10.9.9.9, 198.51.100.9', '198.51.100.9'],
  [
    'a chain of proxies is gone back',
    '10.0.0.1',
    '1.1.1.1, 198.51.100.9, 192.168.7.1, 10.0.0.2',
    '198.51.100.9',
  ],
  [
    'callers who are inside are where the chain begins',
    '10.0.0.1',
    '10.0.0.7, 10.0.0.2',
    '10.0.0.7',
  ],
  ['nonsense is as far as it goes', '10.0.0.1', '198.51.100.9, unknown', '10.0.0.1'],
  ['and so is an empty hop', '10.0.0.1', '198.51.100.9, ', '10.0.0.1'],
  ['ports are none of it', '10.0.0.1', '198.51.100.9:4711', '198.51.100.9'],
  ['IPv6 comes in brackets', '10.0.0.1', '[2001:db8::9]:4711', '2001:db8::9'],
  ['with a zone', 'fd00::1', 'fe80::9%eth0', 'fe80::9'],
  ['and IPv4 as IPv6', '::ffff:10.0.0.1', '::ffff:198.51.100.9', '198.51.100.9'],
  ['a header that came twice is one', '10.0.0.1', ['1.1.1.1', '198.51.100.9'], '198.51.100.9'],
  ['without one it is the proxy', '10.0.0.1', undefined, '10.0.0.1'],
] as const)('%s', (_fact, remote, forwarded, address, trusted: readonly string[] = TRUSTED) => {
  expect(from(remote, forwarded as string, [...trusted])).toBe(address)
})

test.each([
  ['198.51.100.9', '198.51.100.9'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:0DB8:1:2:ffff::1', '2001:db8:1:2::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['2001:db8:1:2::', '2001:db8:1:2::/64'],
  ['1::4:5:6:7', '1:0:0:0::/64'],
])('%s counts as %s', (address, network) => {
  expect(networkOf(address)).toBe(network)
})

test.each([
  ['a proxy says so', '10.0.0.1', 'https', true],
  ['the nearest of several proxies says so', '10.0.0.1', 'http, https', true],
  ['the nearest one says that it did not', '10.0.0.1', 'https, http', false],
  ['a stranger says so', '203.0.113.5', 'https', false],
  ['nobody says anything', '10.0.0.1', undefined, false],
  ['nobody is trusted', '10.0.0.1', 'https', false, []],
] as const)(
  'a request came by TLS where that is known: %s',
  (_fact, remoteAddress, said, expected, trusted: readonly string[] = TRUSTED) => {
    const headers = said === undefined ? {} : { 'x-forwarded-proto': said }
    expect(cameByTls({ socket: { remoteAddress }, headers }, trusted)).toBe(expected)
  },
)
