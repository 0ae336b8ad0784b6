// Takes over the keys of the predecessor: see `node scripts/import.js --help`.
import { ensureBuilt } from './build.js'

ensureBuilt()
await import('../dist/cli/import.js')
