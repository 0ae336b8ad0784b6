// Moves old segments of the journal elsewhere: see `node scripts/archive.js --help`.
import { ensureBuilt } from './build.js'

ensureBuilt()
await import('../dist/cli/archive.js')
