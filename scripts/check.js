// `npm run check`: everything that CI asks, two at a time and the tests at last; where one fails, none is begun any more.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { ensureBuilt, root } from './build.js'

/** The longest first: the others are done beside it. */
const STEPS = [
  ['lint', 'eslint', ['.']],
  ['format', 'prettier', ['--check', '--log-level', 'warn', '.']],
  ['types', 'tsc', ['--noEmit']],
  ['dead code', 'knip', []],
  ['tests', 'vitest', ['run']],
]

if (process.argv.includes('--help')) {
  process.stdout.write(`npm run check [-- --only STEP | --except STEP] [-- --json]

Lint, format, types, dead code and tests, as CI runs them. STEP is format, lint, types, "dead code" or tests.
`)
} else {
  ensureBuilt()
  const only = valueOf('--only')
  const except = valueOf('--except')
  const steps = STEPS.filter(([step]) => (only === undefined || step === only) && step !== except)
  const tests = steps.filter(([step]) => step === 'tests')
  const others = steps.filter(([step]) => step !== 'tests')
  const results = []
  await Promise.all([run(others, results), run(others, results)])
  await run(tests, results)
  if (process.argv.includes('--json')) process.stdout.write(`${JSON.stringify(results)}\n`)
  if (results.length === 0 || results.some(({ ok }) => !ok)) process.exitCode = 1
}

/** One after the other, what is left of them; another may take from them at the same time. */
async function run(steps, results) {
  while (steps.length > 0 && results.every(({ ok }) => ok)) {
    const [name, command, args] = steps.shift()
    process.stderr.write(`— ${name}\n`)
    const options = { cwd: root, stdio: ['ignore', 2, 2] }
    const [status] = await once(spawn('npx', ['--no-install', command, ...args], options), 'exit')
    if (status !== 0) process.stderr.write(`— ${name} failed\n`)
    results.push({ name, ok: status === 0 })
  }
}

function valueOf(option) {
  const at = process.argv.indexOf(option)
  return at < 0 ? undefined : process.argv[at + 1]
}
