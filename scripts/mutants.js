// Plants bugs and sees whether the tests find them: see `node scripts/mutants.js --help`.
import { runTypeScript } from '../test/run-typescript.js'

await runTypeScript('test/ledger/mutants/cli.ts')
