// Says who would be asked for a model, and why: see `node scripts/routes.js --help`.
import { ensureBuilt } from './build.js'

ensureBuilt()
await import('../dist/cli/routes.js')
