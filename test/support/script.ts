import { execFile } from 'node:child_process'
import path from 'node:path'
import { cleanEnv, root } from './gateway-process.ts'

export type Ended = Readonly<{ code: number; stdout: string; stderr: string }>

/** Runs a script in a folder with the settings of the gateway there, and waits for its end. */
export function runScript(
  name: string,
  args: readonly string[],
  { dir, env }: Readonly<{ dir: string; env?: Readonly<Record<string, string>> }>,
): Promise<Ended> {
  const script = path.join(root, 'scripts', `${name}.js`)
  const options = { cwd: dir, env: { ...cleanEnv(dir), ...env }, maxBuffer: 64 * 1024 * 1024 }
  return new Promise((resolve) => {
    execFile(process.execPath, [script, ...args], options, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1
      resolve({ code, stdout, stderr })
    })
  })
}
