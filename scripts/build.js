// Makes what is missing: the dependencies, then the compiled code. Does nothing when both are up to date, so every
// other script calls it first. Run by hand (`npm run build`), it says what it did.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..')
const inRoot = (...parts) => path.join(root, ...parts)

export function ensureBuilt({ say = (line) => process.stderr.write(`${line}\n`) } = {}) {
  checkNode()
  if (!fs.existsSync(inRoot('src'))) return // an image ships the compiled code alone
  try {
    installIfStale(say)
    compileIfStale(say)
  } catch (error) {
    if (!(error instanceof BuildFailed)) throw error
    console.error('Tollgate could not be built; the lines above say why.')
    process.exit(1)
  }
}

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  if (major > 20 || (major === 20 && minor >= 19)) return
  console.error(`Tollgate needs Node.js 20.19 or newer; this is ${process.versions.node}.`)
  process.exit(1)
}

function installIfStale(say) {
  const installed = inRoot('node_modules', '.package-lock.json')
  const fresh =
    fs.existsSync(installed) &&
    fs.statSync(installed).mtimeMs >= fs.statSync(inRoot('package-lock.json')).mtimeMs
  if (fresh) return
  say('Installing dependencies (npm ci) …')
  run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'])
}

function compileIfStale(say) {
  const stamp = sourceStamp()
  const stampFile = inRoot('dist', '.stamp')
  if (fs.existsSync(stampFile) && fs.readFileSync(stampFile, 'utf8') === stamp) return
  say('Compiling …')
  const fresh = inRoot(`dist.${process.pid}`)
  const compiler = inRoot('node_modules', 'typescript', 'bin', 'tsc')
  try {
    run(process.execPath, [compiler, '-p', inRoot('tsconfig.build.json'), '--outDir', fresh])
    fs.writeFileSync(path.join(fresh, '.stamp'), stamp)
    replaceDist(fresh)
  } catch (error) {
    fs.rmSync(fresh, { recursive: true, force: true })
    throw error
  }
}

/** Whole or not at all: nobody ever sees half a program, also when two builds end at the same time. */
function replaceDist(fresh) {
  const old = inRoot(`dist.old.${process.pid}`)
  if (fs.existsSync(inRoot('dist'))) fs.renameSync(inRoot('dist'), old)
  try {
    fs.renameSync(fresh, inRoot('dist'))
  } catch (error) {
    if (error.code !== 'ENOTEMPTY') throw error
    fs.rmSync(fresh, { recursive: true, force: true }) // the other build was first, with the same result
  }
  fs.rmSync(old, { recursive: true, force: true })
}

function sourceStamp() {
  const hash = createHash('sha256')
  const files = fs.readdirSync(inRoot('src'), { recursive: true, withFileTypes: true })
  const names = files
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => path.join(entry.parentPath, entry.name))
    .sort()
  for (const name of [...names, inRoot('tsconfig.json'), inRoot('tsconfig.build.json')]) {
    const { mtimeMs, size } = fs.statSync(name)
    hash.update(`${path.relative(root, name)}:${mtimeMs}:${size}\n`)
  }
  return hash.digest('hex')
}

function run(command, args) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2] })
  if (error !== undefined) throw error
  if (status !== 0) throw new BuildFailed()
}

class BuildFailed extends Error {}

const HELP = `npm run build (node scripts/build.js)

Installs the dependencies and compiles src/ into dist/, each only when it is out of date.

  --help   this text
  --json   print {"built": true} when done
`

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (process.argv.includes('--help')) {
    process.stdout.write(HELP)
  } else {
    ensureBuilt()
    if (process.argv.includes('--json')) process.stdout.write('{"built": true}\n')
  }
}
