// Says what the configuration comes to: see `node scripts/config-check.js --help`.
import { ensureBuilt } from './build.js'

ensureBuilt()
await import('../dist/cli/config-check.js')
