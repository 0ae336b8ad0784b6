// The deployment as it is, run for real: see `npm run test:edge -- --help`.
import { runTypeScript } from '../test/run-typescript.js'

await runTypeScript('test/edge/cli.ts')
