/** A bug that somebody could write tomorrow: one place in one file, and the tests that must see it. */
export type Mutant = Readonly<{
  name: string
  /** What goes wrong, in the words of those it would hurt. */
  harm: string
  file: string
  find: string
  replace: string
  tests: readonly string[]
}>

const simulator = 'test/ledger/simulator/simulator.test.ts'
const store = (name: string): string => `src/store/lowdb/${name}.test.ts`
const domain = (name: string): string => `src/domain/${name}.test.ts`

const journal: readonly Mutant[] = [
  {
    name: 'no-sync',
    harm: 'a write is acknowledged while it is in the memory of the machine alone',
    file: 'src/store/lowdb/disk.ts',
    find: 'FLAGS[flags] | synced',
    replace: 'FLAGS[flags]',
    tests: [store('disk')],
  },
  {
    name: 'no-sync-elsewhere',
    harm: 'the same, where a write is not durable by itself',
    file: 'src/store/lowdb/disk.ts',
    find: '    await promisify(fs.fdatasync)(fd)\n',
    replace: '',
    tests: [store('disk')],
  },
  {
    name: 'acknowledge-before-write',
    harm: 'callers are told that an entry is durable before it is written',
    file: 'src/store/lowdb/journal.ts',
    find: '    await this.#untilItCan(() => this.#write(bytes), batch)',
    replace:
      "    batch.firstTry.resolve('landed')\n    batch.landed.resolve()\n" +
      '    await this.#untilItCan(() => this.#write(bytes), batch)',
    tests: [simulator],
  },
  {
    name: 'short-write-starts-over',
    harm: 'the rest of a short write overwrites its beginning',
    file: 'src/store/lowdb/journal.ts',
    find: 'disk.append(this.#fd, rest, this.#offset + written)',
    replace: 'disk.append(this.#fd, rest, this.#offset)',
    tests: [store('journal'), simulator],
  },
  {
    name: 'short-write-is-whole',
    harm: 'the rest of a short write is never written',
    file: 'src/store/lowdb/journal.ts',
    find: 'written += count',
    replace: 'written += rest.byteLength',
    tests: [simulator],
  },
  {
    name: 'retry-after-io-error',
    harm: 'after a failed sync the journal goes on, as if nothing had been lost',
    file: 'src/store/lowdb/disk.ts',
    find: "new Set(['ENOSPC',",
    replace: "new Set(['EIO', 'ENOSPC',",
    tests: [simulator, store('journal')],
  },
  {
    name: 'fatal-then-acknowledged',
    harm: 'an entry is acknowledged though nobody knows whether it reached the disk',
    file: 'src/store/lowdb/journal.ts',
    find: 'const NOTHING_MORE = new Promise<never>(() => undefined)',
    replace: 'const NOTHING_MORE = Promise.resolve(undefined as never)',
    tests: [simulator],
  },
  {
    name: 'short-write-at-once-is-whole',
    harm: 'what the disk did not take of a write that ends at once is never written',
    file: 'src/store/lowdb/journal.ts',
    find: "typeof writing === 'number' ? writing : await writing",
    replace: "typeof writing === 'number' ? rest.byteLength : await writing",
    tests: [simulator],
  },
  {
    name: 'block-forgets-what-stood-in-it',
    harm: 'the entry before is overwritten where the next one begins in the same block',
    file: 'src/store/lowdb/block-disk.ts',
    find: '    tail.block.set(layout.blockAt(layout.head + taken))\n',
    replace: '',
    tests: [simulator],
  },
  {
    name: 'block-ends-with-old-bytes',
    harm: 'pieces of entries stand behind the last one as if a write had been torn',
    file: 'src/store/lowdb/block-disk.ts',
    find: '    this.memory.fill(0, end, whole)\n',
    replace: '',
    tests: [simulator, store('block-disk')],
  },
  {
    name: 'batch-lost-on-roll',
    harm: 'what waits while a segment is sealed is dropped',
    file: 'src/store/lowdb/journal.ts',
    find: '    this.#waiting.entries.unshift({',
    replace: '    this.#waiting = newBatch()\n    this.#waiting.entries.unshift({',
    tests: [simulator],
  },
  {
    name: 'segment-never-named',
    harm: 'a new segment is gone after a loss of power: its name was never made durable',
    file: 'src/store/lowdb/journal.ts',
    find: '    await this.#untilItCan(() => disk.syncFolder(folder))\n',
    replace: '',
    tests: [simulator],
  },
  {
    name: 'seq-used-twice',
    harm: 'after a restart the numbers of entries begin one too low',
    file: 'src/store/lowdb/record.ts',
    find: '  constructor(from: Position) {\n    this.#seq = from.seq\n    this.#crc = from.crc\n    this.#chain',
    replace:
      '  constructor(from: Position) {\n    this.#seq = Math.max(0, from.seq - 1)\n    this.#crc = from.crc\n    this.#chain',
    tests: [store('ledger')],
  },
]

const recovery: readonly Mutant[] = [
  {
    name: 'no-crc-check',
    harm: 'a line that was damaged is believed',
    file: 'src/store/lowdb/record.ts',
    find: "throw new BadRecord('its crc is wrong')",
    replace: 'void 0',
    tests: [store('record')],
  },
  {
    name: 'no-chain-check',
    harm: 'history that was rewritten with fitting checksums is believed',
    file: 'src/store/lowdb/record.ts',
    find: "throw new BadRecord('the chain is broken there')",
    replace: 'void 0',
    tests: [store('record')],
  },
  {
    name: 'no-seq-check',
    harm: 'an entry that was left out is not missed',
    file: 'src/store/lowdb/record.ts',
    find: 'throw new BadRecord(`it has seq ${seq} where ${this.#seq + 1} belongs`)',
    replace: 'void 0',
    tests: [store('record')],
  },
  {
    name: 'head-ignored',
    harm: 'damage to what was durable passes for a torn write, and the books lose it',
    file: 'src/store/lowdb/recover.ts',
    find: 'if (!isBehindHead || !isTornBatch',
    replace: 'if (!isTornBatch',
    tests: [store('recover')],
  },
  {
    name: 'head-not-reached',
    harm: 'a journal that was cut short at the end of a line passes for whole',
    file: 'src/store/lowdb/recover.ts',
    find: '  if (head !== undefined) expectReached(paths, tail, head)\n',
    replace: '',
    tests: [store('recover-lies')],
  },
  {
    name: 'damage-is-torn',
    harm: 'sound entries behind a damaged one are thrown away with it',
    file: 'src/store/lowdb/torn.ts',
    find: '  if (!behind.some(looksWhole)) return true',
    replace: '  if (behind.length >= 0) return true',
    tests: [store('recover-lies')],
  },
  {
    name: 'torn-tail-stays',
    harm: 'the next entries are written behind a torn one, and cannot be read',
    file: 'src/store/lowdb/recover.ts',
    find: '  cut(file, end)\n  return tail.byteLength',
    replace: '  return tail.byteLength',
    tests: [store('recover'), store('torn')],
  },
  {
    name: 'replay-believes',
    harm: 'a balance in the journal that its entries do not give is believed',
    file: 'src/store/books.ts',
    find: '!agrees(entry, credit)',
    replace: 'false',
    tests: [store('recover-lies')],
  },
  {
    name: 'snapshot-too-far',
    harm: 'a snapshot says that it covers a segment that it does not',
    file: 'src/store/lowdb/make-snapshot.ts',
    find: 'segment: upTo, before',
    replace: 'segment: upTo + 1, before',
    tests: [simulator],
  },
  {
    name: 'snapshot-without-holds',
    harm: 'holds that were open when a snapshot was made are forgotten',
    file: 'src/store/lowdb/snapshot.ts',
    find: 'holds: [...books.holds.values()].map(',
    replace: 'holds: [...books.holds.values()].slice(1).map(',
    tests: [simulator],
  },
  {
    name: 'snapshot-edit-passes',
    harm: 'a snapshot that was edited by hand is believed',
    file: 'src/store/lowdb/snapshot.ts',
    find: 'if (digestOf(data.state) === data.digest) return data',
    replace: "if (digestOf(data.state) !== '') return data",
    tests: [store('snapshot')],
  },
  {
    name: 'two-writers',
    harm: 'a second server opens the folder of one that runs',
    file: 'src/store/lowdb/claim.ts',
    find: 'if (owner !== undefined && isAlive(owner)) throw',
    replace: 'if (owner !== undefined && !isAlive(owner)) throw',
    tests: [store('claim')],
  },
]

const ledger: readonly Mutant[] = [
  {
    name: 'hold-not-awaited',
    harm: 'the upstream is called before the hold is durable',
    file: 'src/store/lowdb/ledger.ts',
    find: 'return batch.firstTry.promise.then((tried) => {',
    replace: "return Promise.resolve('landed').then((tried) => {",
    tests: [simulator],
  },
  {
    name: 'settle-not-awaited',
    harm: 'the caller sees the end before the charge is durable',
    file: 'src/store/lowdb/ledger.ts',
    find: 'return batch.landed.promise.then(() => {\n      if (this.#inFlight.isWatched) this.#inFlight.ended(hold.id, [charged])\n',
    replace:
      'return Promise.resolve().then(() => {\n      if (this.#inFlight.isWatched) this.#inFlight.ended(hold.id, [charged])\n',
    tests: [simulator],
  },
  {
    name: 'refused-hold-kept',
    harm: 'credit of a refused request stays held for ever',
    file: 'src/store/lowdb/ledger.ts',
    find: "    this.#end(request.id, { outcome: 'failed', attempts: [] })\n",
    replace: '',
    tests: [simulator],
  },
  {
    name: 'holds-on-a-full-disk',
    harm: 'new requests wait for a disk that takes nothing',
    file: 'src/store/lowdb/ledger.ts',
    find: '    if (this.#journal.trouble !== undefined) throw storeUnavailable(this.#journal.trouble)\n',
    replace: '',
    tests: [store('journal')],
  },
  {
    name: 'settle-twice',
    harm: 'a settle that is tried again charges again',
    file: 'src/store/books.ts',
    find: "if (entry.kind !== 'progress') holds.delete(entry.ref)",
    replace:
      "if (entry.kind !== 'progress') {\n    if (entry.kind !== 'settle') holds.delete(entry.ref)\n  }",
    tests: [store('ledger')],
  },
  {
    name: 'released-hold-stays',
    harm: 'a hold that was given back can still be charged',
    file: 'src/store/books.ts',
    find: "if (entry.kind !== 'progress') holds.delete(entry.ref)",
    replace:
      "if (entry.kind !== 'progress') {\n    if (entry.kind === 'settle') holds.delete(entry.ref)\n  }",
    tests: [store('ledger')],
  },
  {
    name: 'overrun-untold',
    harm: 'what a bill exceeds its hold by is paid by nobody, and nobody knows',
    file: 'src/store/lowdb/ledger.ts',
    find: "    if (overrun > 0n) this.#overrun(hold.id, overrun, 'beyond_hold')\n",
    replace: '',
    tests: [simulator],
  },
  {
    name: 'operator-does-not-pay',
    harm: 'the account is charged for an answer that a provider cut short',
    file: 'src/store/lowdb/ledger.ts',
    find: "charge.payer === 'account' ? charge.cost : ZERO",
    replace: 'charge.cost',
    tests: [store('ledger')],
  },
  {
    name: 'orphan-for-nothing',
    harm: 'what was delivered before a crash is never charged',
    file: 'src/store/lowdb/ledger.ts',
    find: '    if (cost === undefined) return this.release(id,',
    replace: '    if (cost !== undefined) return this.release(id,',
    tests: [store('ledger')],
  },
  {
    name: 'progress-after-settle',
    harm: 'a note of an ended request makes it cost something again',
    file: 'src/store/lowdb/progress.ts',
    find: '      if (hold === undefined) continue\n',
    replace: `      const late = { kind: 'overrun', at: this.#now(), account: 'operator', ref, amount: amount.toString(), reason: 'beyond_hold' }
      if (hold === undefined) { post(this.#books, late, undefined); add(late); continue }
`,
    tests: [store('journal')],
  },
  {
    name: 'price-not-kept',
    harm: 'a charge names a price that nobody can look up later',
    file: 'src/store/lowdb/ledger.ts',
    find: '    this.#record(priceEntry(price, this.#now()), undefined)\n',
    replace: '',
    tests: [simulator],
  },
  {
    name: 'revocation-forgotten',
    harm: 'a revoked key works again after a restart',
    file: 'src/store/register.ts',
    find: 'keep(books, { ...keyOf(books, entry.ref), revokedAt: entry.at })',
    replace: 'keep(books, { ...keyOf(books, entry.ref) })',
    tests: [store('ledger')],
  },
]

const money: readonly Mutant[] = [
  {
    name: 'hold-without-credit',
    harm: 'more is promised than the account has',
    file: 'src/domain/account.ts',
    find: '  if (amount > available(credit)) return undefined\n  return { balance: credit.balance, held',
    replace: '  return { balance: credit.balance, held',
    tests: [domain('account')],
  },
  {
    name: 'hold-against-balance',
    harm: 'credit that other requests hold is promised again',
    file: 'src/domain/account.ts',
    find: 'if (amount > available(credit)) return undefined\n  return { balance: credit.balance, held',
    replace:
      'if (amount > credit.balance) return undefined\n  return { balance: credit.balance, held',
    tests: [domain('account')],
  },
  {
    name: 'balance-below-zero',
    harm: 'a bill above the hold takes the account below zero',
    file: 'src/domain/account.ts',
    find: 'least(cost, plus(hold, available(credit)))',
    replace: 'cost',
    tests: [domain('account')],
  },
  {
    name: 'float-money',
    harm: 'large amounts lose their last digits',
    file: 'src/domain/price.ts',
    find: 'rates.audioOutput\n  return micro((total + price.scale - 1n) / price.scale)',
    replace:
      'rates.audioOutput\n  return micro(BigInt(Math.ceil(Number(total) / Number(price.scale))))',
    tests: [domain('price')],
  },
  {
    name: 'round-down',
    harm: 'part of each charge is given away',
    file: 'src/domain/price.ts',
    find: 'rates.audioOutput\n  return micro((total + price.scale - 1n) / price.scale)',
    replace: 'rates.audioOutput\n  return micro(total / price.scale)',
    tests: [domain('price')],
  },
  {
    name: 'round-each-bucket',
    harm: 'each kind of token is rounded up by itself',
    file: 'src/domain/price.ts',
    find: 'total += BigInt(usage.input) * rates.input\n',
    replace:
      'total += ((BigInt(usage.input) * rates.input + price.scale - 1n) / price.scale) * price.scale\n',
    tests: [domain('price')],
  },
  {
    name: 'cached-counted-twice',
    harm: 'cached tokens are charged as cached and as fresh input',
    file: 'src/providers/openai/usage.ts',
    find: '    this.rest -= taken\n',
    replace: '',
    tests: ['src/providers/openai/usage.test.ts'],
  },
  {
    name: 'hold-for-the-last',
    harm: 'the hold is for one deployment, and a dearer one may answer',
    file: 'src/domain/hold.ts',
    find: 'amount = most(amount, costBound({ input, output }, priceFor(asked, price)))',
    replace: 'amount = costBound({ input, output }, priceFor(asked, price))',
    tests: [domain('hold')],
  },
  {
    name: 'hold-for-one-choice',
    harm: 'of several answers to one prompt only one is held for',
    file: 'src/domain/hold.ts',
    find: 'Math.min(cap, maxOutput) * asked.request.choices',
    replace: 'Math.min(cap, maxOutput)',
    tests: [domain('hold')],
  },
  {
    name: 'free-on-abort',
    harm: 'who hangs up before the end pays nothing',
    file: 'src/domain/outcome.ts',
    find: "    case 'finished':\n    case 'aborted':\n",
    replace: "    case 'aborted':\n      return { of: 'nothing' }\n    case 'finished':\n",
    tests: [domain('outcome')],
  },
]

const corrections: readonly Mutant[] = [
  {
    name: 'refund-above-paid',
    harm: 'more is given back for a request than was paid for it',
    file: 'src/store/lowdb/decide-correction.ts',
    find: 'if (given > left || given === 0n)',
    replace: 'if (given === 0n)',
    tests: [simulator],
  },
  {
    name: 'idempotency-key-ignored',
    harm: 'a correction that is sent again is made again',
    file: 'src/store/lowdb/registry.ts',
    find: 'return entry !== undefined && entry.at > at - REPEAT_MS ? entry : undefined',
    replace: 'return entry !== undefined && entry.at > at ? entry : undefined',
    tests: [simulator],
  },
  {
    name: 'idempotency-body-ignored',
    harm: 'another correction under a used key is answered as if it had been made',
    file: 'src/store/lowdb/registry.ts',
    find: 'if (entry.idempotency?.fingerprint !== call?.fingerprint)',
    replace: 'if (entry.idempotency === undefined)',
    tests: [simulator],
  },
  {
    name: 'repeat-before-durable',
    harm: 'a repeated correction is confirmed before the first one is on the disk',
    file: 'src/store/lowdb/registry.ts',
    find: "    await this.#landed(this.#landing.get(callName(entry.by, call?.key ?? '')))\n",
    replace: '',
    tests: [simulator],
  },
  {
    name: 'idempotency-keys-of-all',
    harm: 'an admin who chose the key of another is told of their booking, and books nothing',
    file: 'src/domain/correction.ts',
    find: "`${by ?? ''} ${key}`",
    replace: "by === key ? '' : key",
    tests: ['src/store/lowdb/ledger.test.ts'],
  },
  {
    name: 'writes-after-close',
    harm: 'what comes late is written into whatever file has the number of the closed journal',
    file: 'src/store/lowdb/journal.ts',
    find: 'if (this.#isClosing) return',
    replace: '',
    tests: ['src/store/lowdb/journal.test.ts'],
  },
  {
    name: 'snapshot-without-repeats',
    harm: 'a correction that is sent again after a restart is made again',
    file: 'src/store/lowdb/snapshot.ts',
    find: 'repeats: [...books.repeats.values()]',
    replace: 'repeats: [...books.repeats.values()].slice(1)',
    tests: [simulator],
  },
  {
    name: 'transfer-of-one-leg',
    harm: 'credit that is transferred stays where it was as well',
    file: 'src/store/corrections.ts',
    find: 'of entry.legs) {',
    replace: 'of entry.legs.slice(1)) {',
    tests: [simulator],
  },
  {
    name: 'debit-of-held-credit',
    harm: 'credit that requests in flight hold is taken away',
    file: 'src/domain/account.ts',
    find: 'if (amount > available(credit)) return undefined\n  return { balance: minus',
    replace: 'if (amount > credit.balance) return undefined\n  return { balance: minus',
    tests: [simulator],
  },
]

const chain = 'src/store/audit-chains.test.ts'

const chains: readonly Mutant[] = [
  {
    name: 'reseller-not-charged',
    harm: 'a sub-account pays, and the account above it, which owes the operator, does not',
    file: 'src/store/lowdb/decide-chain.ts',
    find: "const payable = charge.payer === 'account' ? least",
    replace: "const payable = charge.payer === 'account' && level === 0 ? least",
    tests: [simulator],
  },
  {
    name: 'reseller-never-asked',
    harm: 'a sub-account goes on spending while the account above it has nothing left',
    file: 'src/store/lowdb/decide-chain.ts',
    find: 'if (own === undefined || held.includes(undefined)) return',
    replace: 'if (own === undefined) return',
    tests: [simulator],
  },
  {
    name: 'chain-moves-below-alone',
    harm: 'what is in the journal of an account above is not in its balance',
    file: 'src/store/chains.ts',
    find: 'of levels)\n    moveCredit',
    replace: 'of levels.slice(1))\n    moveCredit',
    tests: [simulator],
  },
  {
    name: 'snapshot-forgets-resellers',
    harm: 'after a restart a hold ends for the sub-account alone, and the credit above stays held for ever',
    file: 'src/store/lowdb/snapshot.ts',
    find: '      ...(levels && { levels: levels.map((one) => ({ ...one, amount: one.amount.toString() })) }),\n',
    replace: '',
    tests: [simulator, chain],
  },
  {
    name: 'refund-for-one-level',
    harm: 'a customer gets a charge back, and its reseller pays for it',
    file: 'src/store/lowdb/decide-correction.ts',
    find: '...(above.length > 0 && { levels: above }),',
    replace: '',
    tests: [simulator],
  },
  {
    name: 'noted-cost-for-all',
    harm: 'after a crash a reseller pays its customer’s price',
    file: 'src/domain/reseller.ts',
    find: 'return { over: over * own.under, under: under * own.over }',
    replace: 'return { over: under * own.over, under: under * own.over }',
    tests: [simulator],
  },
  {
    name: 'cap-forgets-what-is-held',
    harm: 'many requests at once take a sub-account beyond its cap',
    file: 'src/store/chains.ts',
    find: 'minus(minus(cap, used), credit.held)',
    replace: 'minus(cap, used)',
    tests: ['src/store/lowdb/ledger.test.ts'],
  },
]

export const MUTANTS: readonly Mutant[] = [
  ...journal,
  ...recovery,
  ...ledger,
  ...money,
  ...corrections,
  ...chains,
]
