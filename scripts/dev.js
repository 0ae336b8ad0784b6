// `npm run dev`: the gateway from its sources, started again whenever one of them changes.
import { spawn } from 'node:child_process'
import path from 'node:path'
import { ensureBuilt, root } from './build.js'

if (process.argv.includes('--help')) {
  process.stdout.write(`npm run dev

Runs the gateway from src/ and restarts it when a source changes. The configuration file needs no restart: it is
re-read when it changes, as in production.
`)
} else {
  ensureBuilt()
  const tsx = path.join(root, 'node_modules', 'tsx', 'dist', 'cli.mjs')
  const child = spawn(process.execPath, [tsx, 'watch', '--clear-screen=false', 'src/main.ts'], {
    cwd: root,
    stdio: 'inherit',
    env: { STOP_NOTICE_MS: '0', ...process.env }, // no proxy has to notice a restart
  })
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal))
  child.on('exit', (code) => process.exit(code ?? 1))
}
