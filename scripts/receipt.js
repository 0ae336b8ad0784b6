// Shows how a charge came about: see `node scripts/receipt.js --help`.
import { ensureBuilt } from './build.js'

ensureBuilt()
await import('../dist/cli/receipt.js')
