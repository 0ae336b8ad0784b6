// `npm start`: make what is missing, then run the gateway in this very process (so that signals reach it).
import { ensureBuilt } from './build.js'

if (process.argv.includes('--help')) {
  process.stdout.write(`npm start (node scripts/start.js)

Installs, compiles and generates what is missing, then serves on PORT (8088).
Every setting is an environment variable or a line of .env: see .env.example, and \`npm run config:check\`.
`)
} else {
  ensureBuilt()
  await import('../dist/main.js')
}
