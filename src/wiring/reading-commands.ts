import { parseTrailQuery, trailView } from '../admin/audit-trail.ts'
import { operatorReceiptView } from '../admin/receipt-view.ts'
import { readUsage } from '../admin/read-usage.ts'
import { usageCsv, usageView } from '../admin/usage-view.ts'
import { Failure } from '../domain/failure.ts'
import { recordsOf } from '../domain/level-records.ts'
import { receiptOf } from '../domain/receipt.ts'
import { nextPosition, type Parameters, type UsagePosition } from '../domain/usage-query.ts'
import type { AuditTrail } from '../ports/trail.ts'
import type { UsageBook } from '../ports/usage.ts'
import { systemClock } from './clock.ts'

export type UsageCommand = Readonly<{ parameters: Parameters; position?: UsagePosition }>

type TrailCommand = Readonly<{ parameters: Parameters; before?: number }>

/** What the command line may read of the past, the same from a server and from the folder. */
export function readingCommands(usage: UsageBook & AuditTrail) {
  return {
    async usage(input: unknown) {
      const { parameters, position } = input as UsageCommand // the command line's own words
      const { query, page } = await readUsage(
        { usage, nowMs: systemClock.nowMs },
        { parameters, position },
      )
      const next = nextPosition(query, page) ?? null
      return { view: usageView(query, page), csv: usageCsv(query, page), next }
    },
    async 'audit-trail'(input: unknown) {
      const { parameters, before } = input as TrailCommand // the command line's own words
      return trailView(await usage.trail(parseTrailQuery(parameters, before)))
    },
    async receipt(input: unknown) {
      const { id } = input as { id: string }
      const records = await usage.request(id)
      const asked = records && recordsOf(records, records.hold.entry.account)
      if (asked !== undefined) return operatorReceiptView(receiptOf(asked))
      throw new Failure('not_found', `There is no request '${id}' in the books.`)
    },
  }
}

export type Readings = ReturnType<typeof readingCommands>
export type ReadUsage = Awaited<ReturnType<Readings['usage']>>
export type ReadTrail = Awaited<ReturnType<Readings['audit-trail']>>
export type ReadReceipt = Awaited<ReturnType<Readings['receipt']>>
