// Books what was changed in gateway.json by hand: see `node scripts/accept-edit.js --help`.
import { ensureBuilt } from './build.js'

ensureBuilt()
await import('../dist/cli/accept-edit.js')
