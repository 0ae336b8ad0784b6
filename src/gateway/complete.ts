import { Failure } from '../domain/failure.ts'
import type { KeyRecord } from '../domain/key.ts'
import type { Reply } from '../ports/reply.ts'
import { admit, checkRepeat, type Admitted } from './admit.ts'
import { Answer, type Ending } from './answer.ts'
import { attempt, type Attempted } from './attempt.ts'
import { announceUnasked } from './answer-headers.ts'
import { authenticate } from './authenticate.ts'
import { choose } from './choose.ts'
import { conclude } from './conclude.ts'
import type { Entered, House, IncomingCall, ReadBody } from './house.ts'
import { relay } from './relay.ts'
import { nameOf, Once, sameCallOf } from './once.ts'
import { overloaded } from './overloaded.ts'
import { Room, type RoomLimits } from './room.ts'
import { Rounds } from './rounds.ts'
import { settle, tellEnd } from './settle.ts'
import { StreamReply } from './stream-reply.ts'

/** For repeats with an idempotency key. */
const DAY_MS = 24 * 60 * 60_000

/** The story of a request: authenticate, admit, choose, attempt, relay, settle (which meters), and the end. */
export class Completions {
  readonly #house: House
  readonly #rounds: Rounds
  readonly #room: Room
  readonly #once: Once
  readonly #retried: Once
  #inFlight = 0
  #streams = 0
  readonly #idleListeners: (() => void)[] = []

  constructor(house: House) {
    this.#house = house
    this.#rounds = new Rounds(house.clock)
    this.#room = new Room(house.chance)
    const { clock } = house
    this.#once = new Once({ clock, keptMs: () => DAY_MS, waitMs: () => 0 })
    this.#retried = new Once({ clock, keptMs: this.#joinMs, waitMs: this.#joinMs })
  }

  get inFlight(): number {
    return this.#inFlight
  }

  /** Those of a key, or of an account with all accounts below it. */
  inFlightOf(kind: 'key' | 'account', id: string): number {
    return this.#room.inFlight(kind, id)
  }

  /** Of those in flight, the ones that answer with a stream. */
  get streams(): number {
    return this.#streams
  }

  /** Answers the call, or throws the `Failure` that refuses it. */
  async complete(call: IncomingCall, reply: Reply): Promise<void> {
    this.#inFlight++
    try {
      const known = this.#enter(call)
      try {
        const reading = this.#read(call, known)
        const body = reading instanceof Promise ? await reading : reading
        const entered = { key: known.key, room: known.room, body }
        if (this.#isRepeatable(call)) await this.#runOnce(call, entered, reply)
        else await this.#run(call, entered, reply)
      } finally {
        this.#room.leave(known.key, known.room)
      }
    } finally {
      this.#inFlight--
      if (this.#inFlight === 0) for (const listener of this.#idleListeners.splice(0)) listener()
    }
  }

  /** Resolves when no call is in flight. */
  async idle(): Promise<void> {
    if (this.#inFlight === 0) return
    await new Promise<void>((resolve) => this.#idleListeners.push(resolve))
  }

  /** Ends an open stream of the account politely; false when it has none of that name. */
  cancel(account: string, requestId: string): boolean {
    const id = this.#once.callOf(requestId) ?? this.#retried.callOf(requestId) ?? requestId
    const found = this.#rounds.find(
      (one): one is Answer => one instanceof Answer && one.isStreamOf(account, id),
    )
    found?.stop()
    return found !== undefined
  }

  /** Ends what is still running: the gateway is about to stop. */
  hurry(): void {
    this.#rounds.hurry()
  }

  /** Who calls, and room for it; only then what they ask, so that strangers and crowds cost no memory. */
  #enter(call: IncomingCall): Known {
    let key: KeyRecord | undefined
    try {
      if (this.#house.load.refused === 'all') throw this.#busy()
      key = authenticate(this.#house, call.credential)
      const { room } = this.#house.limits.allowanceOf(key)
      this.#room.enter(key, room)
      return { key, room }
    } catch (error) {
      this.#tellRefusal(call, { key, body: undefined }, error)
      throw error
    }
  }

  #read(call: IncomingCall, known: Known): ReadBody | Promise<ReadBody> {
    try {
      const reading = call.read()
      if (!(reading instanceof Promise)) return this.#unlessBusy(reading)
      return reading
        .then(this.#unlessBusy)
        .catch((error: unknown) => this.#refused(call, known, error))
    } catch (error) {
      return this.#refused(call, known, error)
    }
  }

  #refused(call: IncomingCall, { key }: Known, error: unknown): never {
    this.#tellRefusal(call, { key, body: undefined }, error)
    throw error
  }

  #unlessBusy = (body: ReadBody): ReadBody => {
    if (body.request.stream && this.#house.load.refused !== 'nothing') throw this.#busy()
    return body
  }

  #joinMs = (): number => this.#house.catalog.settings().joinRetriesMs

  #busy(): Failure {
    return overloaded(this.#house.chance, 'The gateway is busy.')
  }

  /** From the hold to its end, which comes whatever happens in between. */
  async #run(call: IncomingCall, entered: Entered, reply: Reply): Promise<void> {
    const house = this.#house
    const rounds = this.#rounds
    const { requestId, maxCost, batch } = call
    const { key, body } = entered
    let admitted: Admitted
    try {
      admitted = await admit(house, { requestId, key, body, maxCost, batch, reply })
    } catch (error) {
      this.#tellRefusal(call, entered, error)
      announceUnasked(house, { account: key.account, reply }, error)
      throw error
    }
    const stream = admitted.request.stream ? this.#openStream(reply) : undefined
    let attempted: Attempted | undefined
    try {
      const candidates = choose(house, admitted)
      attempted = await attempt(house, { admitted, reply, candidates, rounds })
      let ending: Ending
      if (stream !== undefined && attempted.answer.isVisible) {
        const relaying = { admitted, attempted, stream, reply, rounds }
        ;({ attempted, ending } = await relay(house, relaying))
      } else {
        const over = attempted.answer.over()
        ending = over instanceof Promise ? await over : over
      }
      if (stream !== undefined) rounds.remove(stream)
      const ended = { admitted, attempted, ending }
      const settled = await settle(house, ended)
      try {
        const { chance } = house // and no `...ended`: the engine would make another shape for each request
        conclude({ admitted, attempted, ending, candidates, settled, reply, stream, chance })
      } finally {
        tellEnd(house, ended, settled)
      }
    } catch (error) {
      // A bug, or a refusal after the hold: either way neither the call nor the hold must stay.
      attempted?.answer.leave()
      await house.ledger.release(admitted.requestId, { outcome: 'failed', attempts: [] })
      admitted.claim?.settleUnused()
      if (attempted === undefined) announceUnasked(house, { account: key.account, reply }, error)
      throw error
    } finally {
      if (attempted !== undefined) rounds.remove(attempted.answer)
      if (stream !== undefined) this.#closeStream(stream)
    }
  }

  #openStream(reply: Reply): StreamReply {
    const { clock, catalog } = this.#house
    const stream = new StreamReply(reply, clock, catalog.settings().keepAlive)
    this.#rounds.add(stream)
    this.#streams++
    return stream
  }

  #closeStream(stream: StreamReply): void {
    this.#rounds.remove(stream)
    this.#streams--
  }

  #isRepeatable({ idempotencyKey, retryCount }: IncomingCall): boolean {
    return idempotencyKey !== undefined || (retryCount !== undefined && this.#joinMs() > 0)
  }

  #runOnce(call: IncomingCall, entered: Entered, reply: Reply): Promise<void> {
    const isNamed = call.idempotencyKey !== undefined
    try {
      checkRepeat(this.#house, entered)
      const same = (isNamed ? nameOf : sameCallOf)(this.#house.keys, call, entered)
      const once = isNamed ? this.#once : this.#retried
      const { requestId } = call
      return once.answer({ ...same, requestId, reply }, (shared) =>
        this.#run(call, entered, shared),
      )
    } catch (error) {
      this.#tellRefusal(call, entered, error)
      throw error
    }
  }

  #tellRefusal({ requestId }: IncomingCall, { key, body }: Who, error: unknown): void {
    if (!(error instanceof Failure)) return
    const { code, message, details } = error
    const { cause, short } = details
    const who = { account: key?.account, key: key?.id, model: body?.request.model }
    this.#house.events.requestRefused({ requestId, code, message, ...who, cause, short })
  }
}

type Known = Readonly<{ key: KeyRecord; room: RoomLimits }>

type Who = Readonly<{ [name in 'key' | 'body']: Entered[name] | undefined }>
