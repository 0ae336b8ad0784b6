import assert from 'node:assert/strict'
import path from 'node:path'
import { auditFolder } from '../../src/wiring/audit.ts'
import type { GatewayProcess } from './gateway-process.ts'
import { openHoldsIn, readJournal } from './journal.ts'

/** What holds at the end of every test, whatever it did: nothing is held, and the audit finds nothing. */
export function checkBooks({ dir }: Pick<GatewayProcess, 'dir'>): void {
  assert.deepEqual([...openHoldsIn(readJournal(dir))], [], 'still held')
  const { findings } = auditFolder({ db: path.join(dir, 'db') })
  assert.deepEqual(findings, [], 'the audit finds something')
}
