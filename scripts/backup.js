// Copies the books into one file: see `node scripts/backup.js --help`.
import { ensureBuilt } from './build.js'

ensureBuilt()
await import('../dist/cli/backup.js')
