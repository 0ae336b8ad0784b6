// How long wrong keys and passwords take to be refused: see `npm run test:timing -- --help`.
import { runTypeScript } from '../test/run-typescript.js'

await runTypeScript('test/key-timing/cli.ts')
