// Puts a backup in the place of the books: see `node scripts/restore.js --help`.
import { ensureBuilt } from './build.js'

ensureBuilt()
await import('../dist/cli/restore.js')
