// What is wrong with a deployment: see `node scripts/doctor.js --help`.
import { ensureBuilt } from './build.js'

ensureBuilt()
await import('../dist/cli/doctor.js')
