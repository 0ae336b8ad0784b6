import fs from 'node:fs'

/**
 * Every call of node:fs that has to do with a watched folder is counted, and one of them fails: also those that read, and
 * those of the snapshot, of HEAD, of the reserve and of claims. Has to be imported before what is to be watched.
 */
export type Failing = Readonly<{
  /** How many calls there were, and which of them failed. */
  calls: () => number
  failed: () => FailedCall | undefined
  stop: () => void
}>

type FailedCall = Readonly<{ name: string; file: string }>
export type FailureCode = 'ENOSPC' | 'EIO'

type Call = (this: unknown, ...args: unknown[]) => unknown
type Watch = { readonly dir: string; readonly nth: number; readonly code: FailureCode } & {
  calls: number
  failed?: FailedCall
}

const watches = new Set<Watch>()
/** What the open descriptors of watched folders are of. */
const opened = new Map<unknown, string>()

export function failCall(dir: string, nth: number, code: FailureCode): Failing {
  const watch: Watch = { dir, nth, code, calls: 0 }
  watches.add(watch)
  return {
    calls: () => watch.calls,
    failed: () => watch.failed,
    stop: () => void watches.delete(watch),
  }
}

/** Counts a call; answers why it fails, if this is the one. */
function failureOf(name: string, target: unknown): Error | undefined {
  if (watches.size === 0) return undefined
  const file = typeof target === 'string' ? target : opened.get(target)
  if (file === undefined) return undefined
  for (const watch of watches) {
    const isMine = file === watch.dir || file.startsWith(`${watch.dir}/`)
    if (!isMine || ++watch.calls !== watch.nth) continue
    watch.failed = { name, file }
    return Object.assign(new Error(`${watch.code}: made up, ${name} '${file}'`), {
      code: watch.code,
    })
  }
  return undefined
}

const calls = fs as unknown as Record<string, Call>
const promised = fs.promises as unknown as Record<string, Call>

const CHANGES = ['rename', 'mkdir', 'chmod', 'rm', 'link', 'truncate']
const READS = ['readdir', 'stat', 'statfs', 'readFile', 'read']
const BY_FD = ['fsync', 'fdatasync', 'ftruncate']

for (const name of ['openSync', ...CHANGES.map(sync), ...READS.map(sync), ...BY_FD.map(sync)])
  wrapSync(name)
for (const name of ['writeSync', 'writeFileSync']) wrapSync(name, half)
wrapSync('closeSync', whole)
for (const name of ['open', 'fsync', 'fdatasync', 'ftruncate']) wrapCallback(name)
wrapCallback('write', half)
wrapCallback('close', whole)
for (const name of ['rename', 'rm', 'statfs', 'readFile', 'writeFile']) wrapPromised(name)
wrapOpening()

function sync(name: string): string {
  return `${name}Sync`
}

/** What a call has done by the time it fails. */
type Before = (call: Call, args: unknown[]) => void

function whole(call: Call, args: unknown[]): void {
  call(...args)
}

/** A disk that is full has taken a part. */
function half(call: Call, args: unknown[]): void {
  const [target, bytes, from, length, ...more] = args
  if (typeof bytes === 'string') call(target, bytes.slice(0, bytes.length / 2), from)
  else if (!Buffer.isBuffer(bytes)) return
  else if (typeof length === 'number')
    call(target, bytes, from, Math.floor(length / 2), ...more.slice(0, 1), () => undefined)
}

function note(name: string, fd: unknown, file: unknown): void {
  if (name.startsWith('open') && watches.size > 0) opened.set(fd, String(file))
  if (name.startsWith('close')) opened.delete(file)
}

function wrapSync(name: string, before?: Before): void {
  const call = calls[name]?.bind(fs) as Call
  calls[name] = (...args) => {
    const failure = failureOf(name, args[0])
    if (failure !== undefined) {
      before?.(call, args)
      throw failure
    }
    const result = call(...args)
    note(name, result, args[0])
    return result
  }
}

function wrapCallback(name: string, before?: Before): void {
  const call = calls[name]?.bind(fs) as Call
  calls[name] = (...args) => {
    const done = args.at(-1) as (error: Error | null, result?: unknown) => void
    const failure = failureOf(name, args[0])
    if (failure !== undefined) {
      before?.(call, name === 'close' ? [args[0], () => undefined] : args)
      setImmediate(done, failure)
      return
    }
    call(...args.slice(0, -1), (error: Error | null, result: unknown) => {
      if (error === null) note(name, result, args[0])
      done(error, result)
    })
  }
}

function wrapPromised(name: string): void {
  const call = promised[name]?.bind(fs.promises) as Call
  promised[name] = async (...args) => {
    const failure = failureOf(name, args[0])
    if (failure !== undefined) throw failure
    return await call(...args)
  }
}

/** Of a handle, each of its methods may fail as well. */
function wrapOpening(): void {
  const open = promised['open']?.bind(fs.promises) as Call
  promised['open'] = async (...args) => {
    const failure = failureOf('open', args[0])
    if (failure !== undefined) throw failure
    const handle = (await open(...args)) as Record<string, Call>
    for (const name of ['sync', 'writeFile', 'readFile']) {
      const call = handle[name]?.bind(handle) as Call
      handle[name] = async (...more) => {
        const failure = failureOf(name, args[0])
        if (failure !== undefined) throw failure
        return await call(...more)
      }
    }
    return handle
  }
}
