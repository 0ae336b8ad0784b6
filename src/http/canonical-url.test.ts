import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { canonicalUrl } from './canonical-url.ts'

describe('one route under all the addresses that clients make of it', () => {
  test.each([
    '/v1/chat/completions',
    '/chat/completions',
    '/v1/v1/chat/completions',
    '//v1/chat/completions',
    '/v1//chat/completions/',
    '/openai/v1/chat/completions',
    '/openai/chat/completions',
  ])('%s', (url) => {
    expect(canonicalUrl(url)).toBe('/v1/chat/completions')
    expect(canonicalUrl(`${url}?beta=true&x=//y/`)).toBe('/v1/chat/completions?beta=true&x=//y/')
  })

  test.each([
    ['/models', '/v1/models'],
    ['/models/', '/v1/models'],
    ['/openai/models', '/v1/models'],
    ['/models/vendor/name', '/v1/models/vendor/name'],
    ['/v1/models/vendor%2Fname', '/v1/models/vendor%2Fname'],
    ['/account', '/v1/account'],
    ['/', '/'],
    ['//', '/'],
    ['/health', '/health'],
    ['/admin/keys', '/admin/keys'],
    ['//admin', '/admin'],
    ['/v1/../admin', '/v1/../admin'],
    ['/%2e%2e/admin', '/%2e%2e/admin'],
    ['/modelsfoo', '/modelsfoo'],
    ['/openaix/models', '/openaix/models'],
    ['/V1/models', '/V1/models'],
    ['/openai/admin/keys', '/openai/admin/keys'],
  ])('%s is %s', (url, expected) => {
    expect(canonicalUrl(url)).toBe(expected)
  })

  test('a canonical address stays as it is', () => {
    const part = fc.constantFrom('v1', 'openai', 'models', 'chat', 'completions', 'admin', '', 'x')
    fc.assert(
      fc.property(fc.array(part, { maxLength: 6 }), (parts) => {
        const once = canonicalUrl(`/${parts.join('/')}`)
        fc.pre(!once.startsWith('/openai'))
        expect(canonicalUrl(once)).toBe(once)
      }),
    )
  })
})
