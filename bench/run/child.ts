// The processes of the benchmark: each is pinned to a core, ended by its own pid, and gone when the bench is gone.
import { spawn, type ChildProcess } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'

export type ChildOptions = Readonly<{
  core: number
  args: readonly string[]
  env?: Readonly<Record<string, string>>
  cwd?: string
}>

export type Child = Readonly<{
  pid: number
  /** Everything on standard output, up to `outputMax`. */
  output(): string
  /** The end of standard error, for messages about a failure. */
  complaint(): string
  hasEnded(): boolean
  ended: Promise<void>
  stop(): Promise<void>
}>

const outputMax = 1_000_000
const complaintMax = 2_000
const stopMs = 20_000
const alive = new Set<ChildProcess>()

process.on('exit', () => {
  for (const child of alive) child.kill('SIGKILL')
})

/** `setpriv --pdeathsig` covers the bench itself being killed; `exec`ing tools keep the pid the child's own. */
export function startNode({ core, args, env, cwd }: ChildOptions): Child {
  const prefix = ['--pdeathsig', 'KILL', 'taskset', '-c', String(core), process.execPath]
  const child = spawn('setpriv', [...prefix, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...inheritedEnv(), NODE_ENV: 'production', ...env },
    ...(cwd === undefined ? {} : { cwd }),
  })
  if (child.pid === undefined) throw new Error('setpriv and taskset (util-linux) are needed')
  alive.add(child)
  let output = ''
  let complaint = ''
  child.stdout.on('data', (text: Buffer) => {
    if (output.length < outputMax) output += text.toString()
  })
  child.stderr.on('data', (text: Buffer) => {
    complaint = (complaint + text.toString()).slice(-complaintMax)
  })
  const ended = new Promise<void>((resolve) => {
    child.on('close', () => {
      alive.delete(child)
      resolve()
    })
  })
  return {
    pid: child.pid,
    output: () => output,
    complaint: () => complaint,
    hasEnded: () => !alive.has(child),
    ended,
    stop: () => stop(child, ended),
  }
}

async function stop(child: ChildProcess, ended: Promise<void>): Promise<void> {
  const timer = new AbortController()
  child.kill('SIGTERM')
  const isLate = sleep(stopMs, 'late', { signal: timer.signal }).catch(() => 'ended')
  if ((await Promise.race([ended, isLate])) === 'late') child.kill('SIGKILL')
  await ended
  timer.abort()
}

/** A provider key or a NODE_OPTIONS of the person who runs the bench must not change what is measured. */
function inheritedEnv(): Record<string, string> {
  const names = ['PATH', 'HOME', 'LANG', 'TMPDIR']
  return Object.fromEntries(names.flatMap((name) => pair(name, process.env[name])))
}

function pair(name: string, value: string | undefined): [string, string][] {
  return value === undefined ? [] : [[name, value]]
}
