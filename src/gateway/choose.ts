import type { Candidate } from '../domain/route.ts'
import type { Catalog } from '../ports/catalog.ts'
import type { Admitted } from './admit.ts'

/** The deployments to try, in order: as configured, and no more than the attempts a request may have. */
export function choose(catalog: Catalog, { route }: Admitted): readonly Candidate[] {
  const { attemptsMax } = catalog.settings()
  const { candidates } = route
  return candidates.length <= attemptsMax ? candidates : candidates.slice(0, attemptsMax)
}
