import assert from 'node:assert/strict'
import { inspect } from 'node:util'
import { auditFolder } from '../../../src/wiring/audit.ts'
import { seeded, type Chance } from '../seeded.ts'
import { Clients } from './clients.ts'
import { broken, noSpace } from './fake-disk.ts'
import { fakeTime, untilQuiet, type FakeTime } from './fake-time.ts'
import { Model } from './model.ts'
import { World } from './world.ts'

/**
 * The ledger itself, on a disk and a clock that are made up: random operations, answers of the disk in any order, full
 * disks, broken calls, crashes and restarts, held against a model that is too simple to be wrong. All chance comes from
 * the seed, so a seed repeats exactly.
 */
export type Run = Readonly<{ seed: number; steps: number }>

export type Ran = Readonly<{
  /** All that was done, in words. */
  trace: readonly string[]
  /** What was not true; undefined when all was. */
  broken: Readonly<{ what: string; step: number; dir: string }> | undefined
}>

export async function simulate({ seed, steps }: Run): Promise<Ran> {
  const time = fakeTime()
  const simulation = new Simulation(seeded(seed), time)
  let step = 0
  try {
    for (; step < steps; step++) await simulation.step()
    await simulation.end()
    simulation.remove()
    return { trace: simulation.trace, broken: undefined }
  } catch (error) {
    const what = error instanceof Error ? (error.stack ?? error.message) : String(error)
    return { trace: simulation.trace, broken: { what, step, dir: simulation.dir } }
  } finally {
    time.restore()
  }
}

const WAITS_MAX = 10_000

class Simulation {
  readonly trace: string[] = []
  readonly #chance: Chance
  readonly #time: FakeTime
  readonly #world: World
  readonly #model = new Model()
  readonly #clients: Clients
  #isFull = false
  #isBroken = false
  #mustDie = false

  constructor(chance: Chance, time: FakeTime) {
    this.#chance = chance
    this.#time = time
    this.#world = new World(chance, time)
    this.#clients = new Clients(this.#model, { chance, booked: () => this.#world.booked() })
  }

  get dir(): string {
    return this.#world.dir
  }

  remove(): void {
    this.#world.remove()
  }

  async step(): Promise<void> {
    if (this.#world.store === undefined) await this.#start()
    else {
      this.#world.disk.mayBreak = true
      await this.#act(this.#world.store)
    }
    await untilQuiet()
    this.#clients.check()
    const { disk } = this.#world
    if (disk.hasBroken) this.#isBroken = true
    const mustDie = this.#mustDie || disk.hasBroken
    this.#mustDie = disk.hasBroken = false
    if (this.#world.fatal === undefined) {
      assert.ok(!mustDie, 'it goes on, though nobody knows which entries are on the disk')
      return
    }
    assert.ok(this.#isBroken, `it gave up without need: ${inspect(this.#world.fatal)}`)
    await this.#die('dies of it')
  }

  /** The disk is well again, everything comes to its end, and a restart finds what was there. */
  async end(): Promise<void> {
    this.#isFull = this.#world.disk.isFull = this.#world.disk.mayBreak = false
    await this.#startAlive()
    for (let waits = 0; this.#clients.isWaiting(); waits++) {
      assert.ok(waits < WAITS_MAX, `nobody ever answers: ${this.#clients.waiting().join(', ')}`)
      this.#goOn()
      await untilQuiet()
      this.#clients.check()
    }
    await this.#stop()
    await this.#startAlive()
    await this.#stop()
  }

  async #startAlive(): Promise<void> {
    while (this.#world.store === undefined) await this.#start()
  }

  async #act(store: NonNullable<World['store']>): Promise<void> {
    const dice = this.#chance.below(100)
    if (dice < 45) this.trace.push(this.#clients.act(store))
    else if (dice < 80) this.#answer()
    else if (dice < 90) this.#advance()
    else if (dice < 93) this.#turn()
    else if (dice < 94) this.#break()
    else if (dice < 98) await this.#die('dies')
    else if (!this.#isFull && !this.#clients.isWaiting()) await this.#stop()
  }

  /** One of the calls that the disk has been asked for gets its answer. */
  #answer(): void {
    const { pending } = this.#world.disk
    if (pending.length === 0) return
    const [call] = pending.splice(this.#chance.below(pending.length), 1)
    if (call === undefined) return
    const shorten = this.#chance.percent(this.#isFull ? 50 : 5) ? call.shorten : undefined
    const how = shorten ? ', in part' : this.#isFull ? ', refused' : ''
    this.trace.push(`disk: ${call.what}${how}`)
    if (shorten) shorten(this.#chance)
    else if (this.#isFull) call.refuse(noSpace())
    else call.answer()
  }

  #advance(): void {
    if (!this.#time.hasTimer()) return
    this.trace.push('the next timer')
    this.#time.advance()
  }

  #turn(): void {
    this.#isFull = this.#world.disk.isFull = !this.#isFull
    this.trace.push(this.#isFull ? 'the disk is full' : 'the disk has room')
  }

  #break(): void {
    const [call] = this.#world.disk.pending.splice(0, 1)
    if (call === undefined) return
    this.trace.push(`disk: ${call.what}, i/o error`)
    this.#isBroken = true
    this.#mustDie = call.hasBytes
    call.break(broken(), this.#chance)
  }

  #goOn(): void {
    const call = this.#world.disk.pending.shift()
    if (call !== undefined) call.answer()
    else this.#time.advance()
  }

  async #die(how: string): Promise<void> {
    this.trace.push(`the process ${how}`)
    await this.#world.die()
    this.#clients.forget()
  }

  async #stop(): Promise<void> {
    this.trace.push('the process stops')
    await this.#world.stop()
    this.#clients.forget()
  }

  async #start(): Promise<void> {
    this.#isFull = this.#isBroken = false
    const store = await this.#world.start()
    this.trace.push(store === undefined ? 'a process starts and dies' : 'a process starts')
    if (store === undefined) return
    this.#world.disk.save()
    this.#clients.resume(store)
    const { findings } = auditFolder({ db: this.#world.dir })
    assert.deepEqual(findings, [], 'the audit finds something')
    const noSnapshots = this.#world.troubles.filter((one) => one.includes('snapshot'))
    assert.deepEqual(noSnapshots, [], 'no snapshot can be made')
  }
}
