// `npm run check`: everything that CI asks, in its order, stopping at the first that fails.
import { spawnSync } from 'node:child_process'
import { ensureBuilt, root } from './build.js'

const STEPS = [
  ['format', 'prettier', ['--check', '--log-level', 'warn', '.']],
  ['lint', 'eslint', ['.']],
  ['types', 'tsc', ['--noEmit']],
  ['dead code', 'knip', []],
  ['tests', 'vitest', ['run']],
]

if (process.argv.includes('--help')) {
  process.stdout.write(`npm run check [-- --only STEP | --except STEP] [-- --json]

Format, lint, types, dead code and tests, as CI runs them. STEP is format, lint, types, "dead code" or tests.
`)
} else {
  ensureBuilt()
  const only = valueOf('--only')
  const except = valueOf('--except')
  const results = []
  for (const [name, command, args] of STEPS.filter(
    ([step]) => (only === undefined || step === only) && step !== except,
  )) {
    process.stderr.write(`— ${name}\n`)
    const { status } = spawnSync('npx', ['--no-install', command, ...args], {
      cwd: root,
      stdio: ['ignore', 2, 2],
    })
    results.push({ name, ok: status === 0 })
    if (status !== 0) break
  }
  if (process.argv.includes('--json')) process.stdout.write(`${JSON.stringify(results)}\n`)
  if (results.length === 0 || results.some(({ ok }) => !ok)) process.exitCode = 1
}

function valueOf(option) {
  const at = process.argv.indexOf(option)
  return at < 0 ? undefined : process.argv[at + 1]
}
