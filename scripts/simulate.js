// Runs the ledger on a made-up disk and clock: see `node scripts/simulate.js --help`.
import { runTypeScript } from '../test/run-typescript.js'

await runTypeScript('test/ledger/simulator/cli.ts')
