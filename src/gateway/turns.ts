import type { FaultKind } from '../domain/fault.ts'
import { likelyPrompt } from '../domain/hold.ts'
import type { Deployment } from '../domain/model.ts'
import type { Candidate } from '../domain/route.ts'
import type { Reply } from '../ports/reply.ts'
import type { Admitted } from './admit.ts'
import { chooseBehind } from './choose.ts'
import { noProvider } from './failure-of.ts'
import type { House } from './house.ts'
import { overloaded } from './overloaded.ts'
import { mayStandIn } from './stand-in.ts'
import type { Ticket } from './ticket.ts'
import { Waits, type Failed } from './waits.ts'

/** A deployment to ask now, and the ticket for it. */
export type Turn = Readonly<{ candidate: Candidate; ticket: Ticket }>

type Asking = Readonly<{ admitted: Admitted; reply: Reply; candidates: readonly Candidate[] }>

const NONE: readonly Candidate[] = []
/** Whose turn it is: which of a request's candidates is asked next, when, and whether at all. */
export class Turns {
  readonly #house: House
  readonly #asking: Asking
  /** Not asked yet, in order. */
  #left: readonly Candidate[]
  /** Nothing stands behind these. */
  #isWhole: boolean
  #model: Candidate['model'] | undefined
  #attempts = 0
  #isAskedAgain = false
  #waitsIfAny: Waits | undefined

  constructor(house: House, asking: Asking) {
    this.#house = house
    this.#asking = asking
    const { candidates } = asking
    this.#left = candidates
    this.#isWhole = candidates.length < house.catalog.settings().attemptsMax
    const [first] = candidates
    if (first === undefined) return
    house.traffic.requested(first.deployment)
    const { hedge } = first.model
    if (hedge === undefined || !asking.admitted.request.stream) return
    house.traffic.extraOf(first.model).asked(likelyPrompt(asking.admitted), hedge.maxExtra)
  }

  /** The first one is as chosen, and nearly always there is room for it at once. */
  first(): Turn | Promise<Turn> {
    const { traffic } = this.#house
    const candidate = this.#asking.reply.isGone ? undefined : this.#pick()
    if (candidate === undefined || !traffic.hasRoom(candidate.deployment)) return this.#awaitFirst()
    return this.#begin(candidate)
  }

  #begin(candidate: Candidate): Turn {
    const left = this.#left
    this.#left = left.length === 1 ? NONE : left.filter((one) => one !== candidate)
    this.#attempts++
    return { candidate, ticket: this.#house.traffic.begin(candidate.deployment) }
  }

  async #awaitFirst(): Promise<Turn> {
    const turn = await this.#take(undefined)
    if (turn !== undefined) return turn
    throw this.#waits.isFull
      ? overloaded(this.#house.chance, 'Too many wait for this model.')
      : noProvider(this.#house.chance)
  }

  /**
   * One to ask beside another whose first token is late: the same model by another key, well, with room, not dearer, and
   * within what may be asked twice; it counts as a retry of the provider that is late.
   */
  beside(late: Candidate): Turn | undefined {
    const { traffic, catalog } = this.#house
    const { admitted, reply } = this.#asking
    const isFree = this.#attempts < catalog.settings().attemptsMax && !reply.isGone
    const candidate = isFree
      ? this.#left.find((one) => mayStandIn(traffic, one, { admitted, late }))
      : undefined
    if (candidate === undefined || !traffic.mayRetry(late.deployment.provider)) return undefined
    if (!traffic.extraOf(late.model).take(likelyPrompt(admitted))) return undefined
    traffic.retried(late.deployment.provider)
    return this.#begin(candidate)
  }

  /** From now on no other model is asked. */
  keepTo(model: Candidate['model']): void {
    this.#model = model
    this.#left = this.#left.filter((candidate) => candidate.model === model)
  }

  /** After one that failed: undefined where another attempt would be hopeless, or one too many. */
  async after(failed: Failed): Promise<Turn | undefined> {
    this.#elsewhereFirst(failed)
    return await this.#take(failed)
  }

  /** Nearly every request needs none. */
  get #waits(): Waits {
    return (this.#waitsIfAny ??= new Waits(this.#house, this.#asking))
  }

  async #take(failed: Failed | undefined): Promise<Turn | undefined> {
    const { traffic, catalog } = this.#house
    const waits = this.#waits
    if (this.#attempts >= catalog.settings().attemptsMax) return undefined
    while (!waits.isUnwanted(failed)) {
      const candidate = this.#pick() ?? this.#pickBehind() ?? (failed && this.#again(failed))
      if (candidate === undefined) return undefined
      this.#left = this.#left.filter((one) => one !== candidate)
      if (failed !== undefined) {
        if (!this.#mayRetry(candidate, failed)) continue
        traffic.retried(candidate.deployment.provider) // before the pause, or all who pause are one
        await waits.pause(candidate, failed)
      }
      const ticket = await waits.place(candidate, failed)
      if (ticket === undefined) continue
      this.#attempts++
      return { candidate, ticket }
    }
    return undefined
  }

  /** The next one that is well; where none is, the next one at all: the last that may work is never left out. */
  #pick(): Candidate | undefined {
    const { traffic } = this.#house
    const left = this.#left
    if (left === this.#asking.candidates && left.length === 1)
      return this.#unlessSwitchedOff(left[0])
    let other: Candidate | undefined
    for (const candidate of left) {
      const { kind, isSwitchedOff } = traffic.stateOf(candidate.deployment)
      if (kind === 'ready' || kind === 'probing') return candidate
      if (isSwitchedOff !== true) other ??= candidate
    }
    return other
  }

  /** Some of the first were not asked after all, so there are attempts left for those behind them. */
  #pickBehind(): Candidate | undefined {
    const behind = this.#behind()
    if (behind.length === 0) return undefined
    this.#left = behind
    return this.#pick()
  }

  #behind(): readonly Candidate[] {
    if (this.#isWhole) return NONE
    this.#isWhole = true
    const { admitted, candidates } = this.#asking
    const behind = chooseBehind(this.#house, admitted, candidates)
    return this.#model === undefined ? behind : behind.filter(({ model }) => model === this.#model)
  }

  /**
   * What was no matter of the key would happen to the next key there, too: who is elsewhere goes first, even from behind.
   * Another model does so where nobody was reached, and otherwise only when no further attempt is left for it.
   */
  #elsewhereFirst({ candidate: { deployment, model }, fault, wasSent }: Failed): void {
    const isLast = this.#attempts === this.#house.catalog.settings().attemptsMax - 1
    const takesOthers = isLast || (fault.kind === 'connect' && !wasSent)
    if (!takesOthers && !ABOUT_THE_ADDRESS.has(fault.kind)) return
    const isThere = (one: Candidate): boolean => addressOf(one.deployment) === addressOf(deployment)
    if (!this.#left.some(isThere)) return
    const all = [...this.#left, ...this.#behind()]
    const first = all.filter((one) => !isThere(one) && (takesOthers || one.model === model))
    this.#left = [...first, ...all.filter((one) => !first.includes(one))]
  }

  #unlessSwitchedOff(candidate: Candidate | undefined): Candidate | undefined {
    if (candidate === undefined) return undefined
    return this.#house.traffic.isSwitchedOff(candidate.deployment) ? undefined : candidate
  }

  /** Once, whatever comes of it: the only deployment, where it never saw the request or said when to come back. */
  #again({ candidate, fault }: Failed): Candidate | undefined {
    if (this.#isAskedAgain || this.#asking.candidates.length > 1) return undefined
    this.#isAskedAgain = true
    if (fault.kind === 'connect') return this.#unlessSwitchedOff(candidate)
    return this.#waits.coolsBriefly(candidate) ? candidate : undefined
  }

  /**
   * What was well when last asked is the answer that can be had, and a connection that did not come about cost nobody
   * anything. Everything else is a guess, of which there may be so many for so many requests.
   */
  #mayRetry({ deployment }: Candidate, { fault }: Failed): boolean {
    const { traffic } = this.#house
    return (
      traffic.isProven(deployment) ||
      (fault.kind === 'connect' && this.#asking.candidates.length === 1) ||
      traffic.mayRetry(deployment.provider)
    )
  }
}

const addressOf = ({ address, provider }: Deployment): string => address ?? provider

/** A connection that broke after it had come about is none of them: idle ones are closed all the time. */
const ABOUT_THE_ADDRESS: ReadonlySet<FaultKind> = new Set([
  'server',
  'timeout',
  'broken',
  'empty',
  'misrouted',
])
