import { expect, test } from 'vitest'
import { faultKindOf, movesOn } from './fault.ts'

test.each([
  [400, 'refused'],
  [401, 'credential'],
  [402, 'credential'],
  [403, 'credential'],
  [404, 'misrouted'],
  [405, 'misrouted'],
  [408, 'server'],
  [409, 'refused'],
  [413, 'refused'],
  [422, 'refused'],
  [429, 'rate_limited'],
  [302, 'misrouted'],
  [500, 'server'],
  [503, 'server'],
  [529, 'server'],
] as const)(
  'a provider’s %i is %s, and all but a refusal may go better elsewhere',
  (status, kind) => {
    expect(faultKindOf(status)).toBe(kind)
    expect(movesOn({ kind })).toBe(kind !== 'refused')
  },
)
