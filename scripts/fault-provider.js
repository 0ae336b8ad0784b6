// An upstream that fails as it is told to: see `npm run fault-provider -- --help`.
import { runTypeScript } from '../test/run-typescript.js'

await runTypeScript('test/fault-provider/cli.ts')
