// Wears the gateway out: see `npm run test:soak -- --help`.
import { runTypeScript } from '../test/run-typescript.js'

await runTypeScript('test/soak/cli.ts')
