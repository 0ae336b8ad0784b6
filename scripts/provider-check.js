// Asks the providers whether their keys work: see `node scripts/provider-check.js --help`.
import { ensureBuilt } from './build.js'

ensureBuilt()
await import('../dist/cli/provider-check.js')
