// Loaded before the gateway to plant what must never happen there: it happens on SIGUSR2. On SIGWINCH, whatever is planted,
// garbage is cleared away, and it says how many timers run, how much room the engine has set aside, and what is in the prototypes.
import fs from 'node:fs'
import { performance } from 'node:perf_hooks'
import process from 'node:process'
import { setImmediate } from 'node:timers'
import { promisify } from 'node:util'
import v8 from 'node:v8'
import vm from 'node:vm'
import { isMainThread } from 'node:worker_threads'

const [what, amount] = (process.env.PLANT ?? '').split(':')

let step = 0
let aheadMs = 0

const plants = {
  throw() {
    setImmediate(() => {
      throw new Error('a planted exception')
    })
  },
  reject() {
    void Promise.reject(new Error('a planted rejection'))
  },
  /** Nothing else runs meanwhile. */
  block() {
    fs.writeSync(2, 'blocking\n')
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Number(amount))
  },
  /** The machine's clock is set forward, and the next time back to what is as far behind. */
  clock() {
    const ahead = Number(amount)
    step = step === ahead ? -ahead : ahead
    fs.writeSync(2, `the clock was set: ${step > 0 ? '+' : '-'}\n`)
  },
  /** So much time passes at once, by the clock that never goes back. */
  ticks() {
    aheadMs += Number(amount)
    fs.writeSync(2, `ticks ahead: ${aheadMs}\n`)
  },
  none() {},
}

/** Of the program's own making; Node has its own ways to those of sockets. */
let timers = []

for (const name of ['setTimeout', 'setInterval']) {
  const set = globalThis[name]
  const counted = (...args) => {
    const timer = set(...args)
    timers.push(new WeakRef(timer))
    return timer
  }
  globalThis[name] = Object.assign(counted, { [promisify.custom]: set[promisify.custom] })
}

/**
 * Node 24 keeps the pages of young objects that it has no need of any more, up to 64 MB, and tells of them in none of its figures:
 * it parts with them as a last resort. Node 20 knows none, and takes this for a wish to collect young objects alone.
 */
const LAST_RESORT = { type: 'major', execution: 'sync', flavor: 'last-resort' }

/** Its memory is given back, too: what is left then is really in use. */
function collect() {
  v8.setFlagsFromString('--expose-gc')
  const gc = vm.runInNewContext('gc')
  timers = timers.filter((ref) => ref.deref()?._destroyed === false)
  // What the first one finds to be of no use is given back by the next ones.
  for (let times = 0; times < 3; times++) {
    gc()
    gc(LAST_RESORT)
  }
  const { heapUsed, external } = process.memoryUsage()
  // Not of all that is set aside: where nothing has been yet, it is no memory.
  const spare = v8.getHeapStatistics().total_physical_size - heapUsed
  const memory = `${heapUsed + external} bytes alive, ${spare} bytes to spare`
  fs.writeSync(
    2,
    `collected: ${timers.length} timers, ${memory}, inherited: [${inherited().join()}]\n`,
  )
}

/** What every object has, and none should: what somebody's input has put into a prototype. */
function inherited() {
  const names = ['polluted']
  for (const name in {}) names.push(name)
  return names.filter((name) => name in {} || name in [] || name in collect)
}

if (what === 'clock') {
  const { now } = Date
  Date.now = () => now() + step
}
if (what === 'ticks') {
  const now = performance.now.bind(performance)
  performance.now = () => now() + aheadMs
}
if (isMainThread) {
  process.on('SIGUSR2', plants[what])
  process.on('SIGWINCH', collect)
}
