import { diskFiles } from './config/disk-files.ts'
import { readEnvironment } from './config/env-file.ts'
import { loadConfig } from './config/load-config.ts'
import { formatProblem } from './config/problem.ts'
import { welcome } from './wiring/welcome.ts'
import { startGateway } from './wiring/start-gateway.ts'

/** The exit code for a configuration that cannot work. */
const EXIT_CONFIG = 78
/** A process that is not well may not come to the end of its stop. */
const LEAVE_MS_MAX = 150_000

const loaded = loadConfig({ env: readEnvironment(process.env, diskFiles), files: diskFiles })
if (!loaded.ok) {
  for (const problem of loaded.problems) process.stderr.write(`${formatProblem(problem)}\n`)
  process.exit(EXIT_CONFIG)
}
try {
  const gateway = await startGateway(loaded.config, loaded.secrets, process.env)
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      // Whoever presses Ctrl-C does not wait for a proxy to notice.
      const noticeMs = signal === 'SIGTERM' ? loaded.config.stopNoticeMs : 0
      void gateway.stop({ noticeMs }).then(() => process.exit(0))
    })
  }
  void gateway.unwell.then((code) => {
    const end = () => process.exit(code)
    setTimeout(end, LEAVE_MS_MAX).unref()
    gateway.stop({ noticeMs: loaded.config.stopNoticeMs }).then(end, end)
  })
  process.stdout.write(welcome(gateway, loaded.notices))
} catch (error) {
  process.stderr.write(
    `Tollgate cannot start: ${error instanceof Error ? error.message : String(error)}\n`,
  )
  process.exit(1)
}
