import type { TrailPage, TrailQuery } from '../domain/trail.ts'

/** Who did what to the books. Never changes anything. */
export interface AuditTrail {
  trail(query: TrailQuery): Promise<TrailPage>
}
