// Proves the books: see `node scripts/audit.js --help`.
import { ensureBuilt } from './build.js'

ensureBuilt()
await import('../dist/cli/audit.js')
