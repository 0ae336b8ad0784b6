// Operates the gateway: see `node scripts/tollgate.js --help`.
import { ensureBuilt } from './build.js'

ensureBuilt()
await import('../dist/cli/tollgate.js')
