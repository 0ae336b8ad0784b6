// Issues a key: see `node scripts/token-gen.js --help`.
import { ensureBuilt } from './build.js'

ensureBuilt()
await import('../dist/cli/token-gen.js')
