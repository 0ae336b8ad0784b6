import { spawn } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import ts from 'typescript'
import { root } from '../../support/gateway-process.ts'
import type { Mutant } from './list.ts'

/** A copy of the sources that may be broken on purpose: the real ones are never touched. */
export type Scratch = Readonly<{ dir: string; remove: () => void }>

const COPIED = ['src', 'test', 'config', 'package.json', 'tsconfig.json', 'vitest.config.ts']

export function scratchCopy(): Scratch {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-mutants-'))
  for (const name of COPIED)
    fs.cpSync(path.join(root, name), path.join(dir, name), { recursive: true })
  fs.symlinkSync(path.join(root, 'node_modules'), path.join(dir, 'node_modules'))
  return {
    dir,
    remove: () => {
      fs.rmSync(dir, { recursive: true, force: true })
    },
  }
}

class Unplantable extends Error {
  override readonly name = 'Unplantable'
}

/** Plants the bug, and answers how to take it out again. A place that is gone or not the only one is an error. */
export function plant({ dir }: Scratch, mutant: Mutant): () => void {
  const target = path.join(dir, mutant.file)
  const sound = fs.readFileSync(target, 'utf8')
  fs.writeFileSync(target, brokenBy(mutant, sound))
  return () => {
    fs.writeFileSync(target, sound)
  }
}

export function brokenBy({ name, file, find, replace }: Mutant, sound: string): string {
  const count = sound.split(find).length - 1
  if (count !== 1)
    throw new Unplantable(`${name}: its place is ${count} times in ${file}; bring it up to date`)
  const broken = sound.replace(find, () => replace)
  const { diagnostics = [] } = ts.transpileModule(broken, { reportDiagnostics: true })
  if (diagnostics.length > 0) throw new Unplantable(`${name}: what it makes of ${file} is no code`)
  return broken
}

export type Tested = Readonly<{
  isRed: boolean
  /** The first test that failed. */
  by: string | undefined
}>

type Report = Readonly<{
  numTotalTests: number
  testResults: readonly {
    assertionResults: readonly { status: string; fullName: string }[]
  }[]
}>

/** Runs tests there until the first that fails. */
export async function runTests({ dir }: Scratch, tests: readonly string[]): Promise<Tested> {
  const report = path.join(dir, 'report.json')
  fs.rmSync(report, { force: true })
  const vitest = path.join(dir, 'node_modules', 'vitest', 'vitest.mjs')
  const missing = tests.find((file) => !fs.existsSync(path.join(dir, file)))
  if (missing !== undefined) throw new Unplantable(`there is no test ${missing}`)
  const args = [
    'run',
    '--bail=1',
    '--reporter=json',
    `--outputFile=${report}`,
    '--no-cache',
    ...tests,
  ]
  // What failing tests keep goes when the copy goes.
  const env = { ...process.env, TMPDIR: path.join(dir, 'left') }
  fs.mkdirSync(env.TMPDIR, { recursive: true })
  const child = spawn(process.execPath, [vitest, ...args], { cwd: dir, stdio: 'ignore', env })
  const stuck = setTimeout(() => child.kill('SIGKILL'), STUCK_MS)
  const code = await new Promise<number | null>((resolve) => child.once('exit', resolve))
  clearTimeout(stuck)
  if (code === null) return { isRed: true, by: 'it never ends' }
  const { numTotalTests, testResults } = JSON.parse(fs.readFileSync(report, 'utf8')) as Report
  if (numTotalTests === 0) throw new Unplantable(`${tests.join(', ')}: no test ran`)
  const failed = testResults.flatMap(({ assertionResults }) =>
    assertionResults.filter(({ status }) => status === 'failed'),
  )
  return { isRed: code !== 0, by: failed[0]?.fullName }
}

const STUCK_MS = 240_000
