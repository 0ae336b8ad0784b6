import type { Complain } from './problem.ts'

type Outline = Readonly<{
  services: readonly Readonly<{ name?: string | undefined; prefix?: string | undefined }>[]
  providers: readonly Readonly<{ id?: string | undefined }>[]
}>

/** Parts of the gateway itself that GET /health has a word on. */
const OWN_PARTS = ['ledger', 'snapshots']

/** All that stands behind the address has a name of its own in GET /health; and a path leads to one place. */
export function checkServices({ services, providers }: Outline, complain: Complain): void {
  const names = new Set([...OWN_PARTS, ...providers.flatMap(({ id }) => id ?? [])])
  const prefixes = new Set<string>()
  for (const [index, { name, prefix }] of services.entries()) {
    if (name !== undefined && names.has(name)) {
      const fix = 'give services, providers and parts of the gateway different names'
      complain(['services', index, 'name'], `is ${name}, and so is something else here`, fix)
    }
    if (prefix !== undefined && prefixes.has(prefix))
      complain(['services', index, 'prefix'], `is ${prefix} again`, 'give each its own prefix')
    if (name !== undefined) names.add(name)
    if (prefix !== undefined) prefixes.add(prefix)
  }
}
