import { dueFor } from './audit-charge.ts'
import { ChainSums, levelLines, type AuditedAccount } from './audit-chains.ts'
import { CORRECTIONS, CorrectionSums } from './audit-corrections.ts'
import { HoldLives } from './audit-hold-life.ts'
import {
  openHold,
  placeOf,
  heldItem,
  plain,
  readAmount,
  type AuditedHold,
  type BooksText,
  type Item,
  type Line,
  type Place,
  type Report,
  type Text,
} from './audit-line.ts'
import { SwitchSums } from './audit-switches.ts'
import { RegisterSums } from './audit-register.ts'
import { SeenRefs } from './seen-refs.ts'

/*
 * Adds up the money of a journal again. The rules stand here a second time on purpose: an audit that shared the code
 * that writes would repeat its mistakes. After a finding it goes on from what the line claims.
 */
type Rest = { amount: bigint; place: Place; isAllPaid: boolean }

const ENDS = ['settle', 'release', 'expire']
const OTHER = ['open', 'seal', 'session-begun', 'config-reloaded', 'webhook-tested']
/** No two entries of one of these kinds name the same ref; `progress` may. Ends are A7's. */
const ONCE = ['hold', 'key', 'key-revoked', 'overrun', ...CORRECTIONS]

/** A4–A14, A16, A19, A20: the money, added up again. */
export class Sums {
  readonly #report: Report
  readonly #accounts = new Map<string, AuditedAccount>()
  readonly #holds = new Map<string, AuditedHold>()
  readonly #register = new RegisterSums()
  readonly #prices = new Map<string, Item>()
  /** What settles left to the operator, until an overrun says so. */
  readonly #rests = new Map<string, Rest>()
  readonly #seen = new SeenRefs()
  /** Its refunds are to be proven in a second reading before the end. */
  readonly corrections: CorrectionSums
  readonly #switches = new SwitchSums()
  readonly #chains: ChainSums
  readonly #total = { credited: 0n, charged: 0n, overrun: 0n }
  readonly #lives = new HoldLives()
  #line: Line | undefined
  #at: Place = { file: '', offset: 0 }

  constructor(report: Report) {
    this.#report = report
    this.corrections = new CorrectionSums(report)
    this.#chains = new ChainSums(report, this.#accounts, this.#prices)
  }

  /** Goes on from books that somebody vouches for, where the entries before them are elsewhere. */
  begin(books: BooksText): void {
    const { holds, prices, overrun } = books
    this.corrections.begin(books)
    this.#switches.begin(books)
    this.#total.credited += this.#chains.begin(books)
    this.#register.begin(books)
    for (const price of prices) this.#prices.set(price.version, price)
    for (const hold of holds) this.#holds.set(hold.id, openHold(hold))
    this.#total.overrun = BigInt(overrun)
  }

  enter(line: Line, at: Place): void {
    this.#line = line
    this.#at = at
    this.#lives.enter(line)
    const isNew = !ONCE.includes(line.kind) || this.#seen.add(line.kind, line.ref)
    if (!isNew) this.#find('A9', `a second ${line.kind} of ${line.ref}`)
    if (CORRECTIONS.includes(line.kind)) this.#correct(line)
    else if (line.kind === 'hold') this.#hold(line)
    else if (line.kind === 'overrun') this.#overrun(line)
    else if (ENDS.includes(line.kind)) this.#end(line)
    else this.#note(line)
  }

  /** Entries that move no money. */
  #note(line: Line): void {
    const { seq: _seq, crc: _crc, chain: _chain, batch: _batch, kind, ...facts } = line
    if (kind === 'account') this.#chains.account(line, this.#at)
    else if (kind === 'price') {
      const { at: _at, ...price } = facts
      this.#prices.set(line.version, price)
    } else if (kind === 'progress') {
      const hold = this.#holds.get(line.ref)
      if (hold !== undefined) hold.progress = String(this.#amount(line, 'cost'))
    } else if (kind === 'switch') this.#switches.enter(line)
    else if (!OTHER.includes(kind) && !this.#register.enter(line) && !this.corrections.note(line))
      this.#find('A4', `${kind} is no kind of entry`)
  }

  #correct(line: Line): void {
    for (const { line: leg, change } of this.corrections.enter(line, this.#at)) {
      this.#total.credited += change
      if (line.kind === 'refund' && line.levels !== undefined)
        this.#chains.use(leg.account, -change)
      this.#move(leg, { balance: change, held: 0n })
    }
  }

  /** A13. */
  #hold(line: Line): void {
    if (this.#register.isRevoked(line.key))
      this.#find('A13', `${line.ref} is held by ${line.key}, which was revoked before`)
    const amount = this.#amount(line, 'amount')
    this.#amount(line, 'input')
    const most = line.most === undefined ? undefined : this.#amount(line, 'most')
    this.#holds.set(line.ref, { line, at: this.#at, birth: this.#lives.birth(), amount, most })
    this.#chains.hold(line, this.#at)
    this.#move(line, { balance: 0n, held: amount })
    for (const one of levelLines(line))
      this.#move(one, { balance: 0n, held: this.#amount(one, 'amount') })
  }

  /** A7, A8. */
  #end(line: Line): void {
    const hold = this.#holds.get(line.ref)
    if (hold === undefined) {
      const wasHeld = this.#seen.has('hold', line.ref)
      const what = `which ${wasHeld ? 'has ended' : 'was never held'}`
      return this.#find(wasHeld ? 'A7' : 'A8', `${line.kind} of ${line.ref}, ${what}`)
    }
    this.#holds.delete(line.ref)
    this.#endOf(line, hold, 0)
    if (line.levels === undefined && hold.line.levels === undefined) return
    this.#chains.end(line, hold.line, this.#at)
    const promises = levelLines(hold.line)
    for (const [at, one] of levelLines(line).entries()) {
      const promise = { line: promises[at] ?? hold.line, ...this.#chains.share(hold, at + 1) }
      const { amount } = readAmount(promise.line.amount)
      this.#endOf(one, { ...hold, ...promise, amount }, at + 1)
    }
  }

  /** What it does to one account. */
  #endOf(line: Line, hold: AuditedHold, level: number): void {
    const cost = line.kind === 'settle' ? this.#charge(line, hold, level) : 0n
    this.#total.charged += cost
    if (line.levels !== undefined) this.#chains.use(line.account, cost)
    this.#move(line, { balance: -cost, held: -hold.amount })
  }

  /** A8, A16; answers what the account paid. */
  #charge(line: Line, hold: AuditedHold, level: number): bigint {
    const { line: held, amount, progress } = hold
    const [paid, cost] = [this.#amount(line, 'amount'), this.#amount(line, 'cost')]
    const account = this.#accounts.get(line.account)
    const free = amount + (account === undefined ? 0n : account.balance - account.held)
    const most = hold.most !== undefined && hold.most < free ? hold.most : free
    if (paid > cost) this.#find('A8', `charged ${paid} for a cost of ${cost}`)
    if (paid > most) this.#find('A8', `charged ${paid}, with ${most} held and free, or allowed`)
    const isTop = level === (line.levels?.length ?? 0)
    const rest = () => ({ amount: cost - paid, place: this.#place(), isAllPaid: paid === most })
    if (cost > paid && isTop) this.#rests.set(line.ref, rest())
    else if (cost > paid && paid < most) this.#chains.noteUnpaid(line, this.#at)
    const isOfHold = line.account === held.account && line.key === held.key
    const counts = Object.values(line.usage ?? { none: -1 })
    const isUsage = counts.every((one) => Number.isSafeInteger(one) && Number(one) >= 0)
    const isRecord = isOfHold && isUsage
    const due = isRecord ? dueFor(line, this.#prices.get(line.price), progress) : undefined
    if (due === undefined)
      this.#find('A16', `${line.ref} has no usage record with its hold's account, key and a price`)
    else if (due !== cost)
      this.#find('A16', `${line.ref} cost ${cost}; its usage by its price costs ${due}`)
    return paid
  }

  /** A8: what the account did not pay is the operator's, no more and no less. */
  #overrun(line: Line): void {
    const amount = this.#amount(line, 'amount')
    const rest = this.#rests.get(line.ref)
    const isCut = line.reason === 'cut'
    if (isCut) this.#chains.forgive(line.ref)
    this.#rests.delete(line.ref)
    this.#total.overrun += amount
    if (rest?.amount === amount && (isCut || rest.isAllPaid)) return
    this.#find('A8', `an overrun of ${amount}, where ${rest?.amount ?? 0n} was left to pay`)
  }

  /** A4, A5, A6: the entry leaves its account with what it says. */
  #move(line: Line, change: { balance: bigint; held: bigint }): void {
    const account = this.#accounts.get(line.account)
    if (account === undefined) {
      this.#find('A4', `a ${line.kind} of an account that was never made`)
      return
    }
    const [balance, held] = [account.balance + change.balance, account.held + change.held]
    account.balance = this.#amount(line, 'balance')
    account.held = this.#amount(line, 'held')
    const { balance: said, held: saidHeld } = account
    if (said !== balance) this.#find('A4', `says balance ${said}; the entries give ${balance}`)
    if (saidHeld !== held) this.#find('A5', `says ${saidHeld} held; the open holds give ${held}`)
    if (balance < held || held < 0n) this.#find('A6', `${balance} with ${held} held`)
  }

  /** A12. */
  #amount(line: Line, name: Text | 'input' | 'most'): bigint {
    const { amount, isRight } = readAmount(line[name])
    if (!isRight) this.#find('A12', `${name} is ${JSON.stringify(line[name])}`)
    return amount
  }

  /** Where it stands; put together only when somebody asks. */
  #place(): Place {
    return this.#line === undefined ? this.#at : placeOf(this.#line, this.#at)
  }

  #find(rule: string, what: string): void {
    this.#report(rule, what, this.#place())
  }

  /** A8, A11, A14: what must be true where the journal ends, or where it is looked at up to a seq. */
  end(place: Place, isCut = false): void {
    this.#chains.finish(isCut ? this.#line?.seq : undefined)
    for (const { amount, place: at } of this.#rests.values())
      // Where the look ends with a settle, the overrun behind it is not seen any more.
      if (!isCut || at.seq !== this.#line?.seq)
        this.#report('A8', `${amount} of the cost is paid by nobody`, at)
    const { credited, charged } = this.#total
    let balances = 0n
    for (const { balance } of this.#accounts.values()) balances += balance
    if (balances !== credited - charged)
      this.#report('A11', `balances ${balances}, paid less charged ${credited - charged}`, place)
    for (const { line, at, birth } of this.#holds.values()) {
      const why = this.#lives.overdue(line, birth)
      if (why !== undefined)
        this.#report('A14', `${line.ref} is still open, and ${why}`, placeOf(line, at))
    }
  }

  /** As a snapshot has it, item by item. */
  items(): Map<string, string> {
    const items = new Map<string, string>()
    for (const one of this.#accounts.values()) items.set(`account ${one.id}`, plain(one))
    this.#register.addItems(items)
    for (const [id, one] of this.#prices) items.set(`price ${id}`, plain(one))
    for (const [id, { line, amount, progress }] of this.#holds)
      items.set(`hold ${id}`, plain({ ...heldItem(line), id, amount, progress }))
    this.corrections.addItems(items)
    this.#switches.addItems(items)
    return items.set('overrun', plain(this.#total.overrun))
  }
}
