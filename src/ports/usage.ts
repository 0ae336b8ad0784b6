import type { RequestRecords } from '../domain/receipt.ts'
import type { UsagePage, UsageQuery } from '../domain/usage-query.ts'

/** What the books say of the past: sums over settled requests, and the records of a single one. Never changes anything. */
export interface UsageBook {
  /** Everything that was durable when it was asked is in it. */
  sum(query: UsageQuery): Promise<UsagePage>
  /** Undefined when no credit was ever held under this id. */
  request(id: string): Promise<RequestRecords | undefined>
}
