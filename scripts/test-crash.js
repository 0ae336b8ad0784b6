// The whole proof of the books: see `npm run test:crash -- --help`.
import { runTypeScript } from '../test/run-typescript.js'

await runTypeScript('test/ledger/whole-proof.ts')
