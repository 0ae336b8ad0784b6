// Runs the benchmark (bench/bench.ts) on what `npm run build` builds. `--help` says what it can do.
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import { fileURLToPath } from 'node:url'

const build = fileURLToPath(new URL('build.js', import.meta.url))
const needsBuild = !process.argv.includes('--help') && fs.existsSync(build)
if (needsBuild && spawnSync(process.execPath, [build], { stdio: ['ignore', 2, 2] }).status !== 0) {
  console.error('The build failed, so there is nothing to measure.')
  process.exit(1)
}

// In this process rather than in a child: Ctrl-C then reaches the one that must clean up.
const { register } = await import('tsx/esm/api')
register()
await import('../bench/bench.ts')
