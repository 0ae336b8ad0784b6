// Two faults at once, and storms: see `npm run test:faults -- --help`.
import { runTypeScript } from '../test/run-typescript.js'

await runTypeScript('test/faults/cli.ts')
