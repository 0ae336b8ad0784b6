// Holds the prices of config/gateway.yaml against a public list: see `node scripts/prices.js --help`.
import { ensureBuilt } from './build.js'

ensureBuilt()
await import('../dist/cli/prices.js')
