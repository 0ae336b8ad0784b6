import { spawn } from 'node:child_process'

export type Ended = Readonly<{ code: number; stdout: string; stderr: string }>

type Place = Readonly<{
  cwd?: string
  env?: Readonly<Record<string, string>>
  input?: string
  timeoutMs?: number
}>

/** Runs a program to its end, or kills it when it takes too long. */
export function run(command: string, args: readonly string[], place: Place = {}): Promise<Ended> {
  const { cwd, env, input = '', timeoutMs = 120_000 } = place
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd,
      env: env ?? process.env,
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
    })
    let [stdout, stderr] = ['', '']
    child.stdout.on('data', (text: Buffer) => (stdout += text.toString()))
    child.stderr.on('data', (text: Buffer) => (stderr += text.toString()))
    child.on('error', reject)
    child.on('close', (code, signal) => {
      resolve({
        code: code ?? 128,
        stdout,
        stderr: signal === null ? stderr : `${stderr}\n${signal} after ${timeoutMs} ms`,
      })
    })
    child.stdin.on('error', () => undefined) // it need not read what it is given
    child.stdin.end(input)
  })
}

/** The same for what must succeed: resolves with what it printed. */
export async function must(
  command: string,
  args: readonly string[],
  place: Place = {},
): Promise<string> {
  const { code, stdout, stderr } = await run(command, args, place)
  if (code === 0) return stdout
  throw new Error(
    `${command} ${args.join(' ')} ended with ${code}:\n${stderr.slice(-2_000)}${stdout.slice(-1_000)}`,
  )
}

/** Looks until there is something, or the time is up. */
export async function until<T>(
  look: () => Promise<T | undefined>,
  { what, timeoutMs = 60_000 }: { what: string; timeoutMs?: number },
): Promise<T> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
    if (performance.now() > deadline) throw new Error(`${what}: not within ${timeoutMs / 1000} s`)
    await pause(250)
  }
}

export const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, ms))
