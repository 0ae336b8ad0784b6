import fs from 'node:fs'
import path from 'node:path'
import type { Problem } from '../config/config.ts'
import { formatProblem } from '../config/problem.ts'
import type { Events } from '../ports/events.ts'

export type Watching = Readonly<{
  file: string
  /** Returns the problems for which the new configuration was refused; undefined when it is in force. */
  reload: () => readonly Problem[] | undefined
  events: Events
}>

/** Editors write a file in several steps; this long after the last of them it is read. */
const SETTLE_MS = 150

/** Re-reads the configuration when its file changes and on SIGHUP. An invalid one is refused, and the old one stays. */
export function watchConfig({ file, reload, events }: Watching): () => void {
  let timer: NodeJS.Timeout | undefined
  let text = readText(file)
  const run = () => {
    try {
      const problems = reload()
      if (problems === undefined) events.notice('configuration reloaded', { file })
      else
        events.problem('configuration refused, the one before stays in force', {
          problems: problems.map(formatProblem),
        })
    } catch (error) {
      events.problem('configuration refused, the one before stays in force', { error })
    }
  }
  const onChange = () => {
    const now = readText(file)
    if (now === undefined || now === text) return
    text = now
    run()
  }
  // The folder is watched, not the file: many editors replace the file, and the old one would be watched for ever.
  const watcher = fs.watch(path.dirname(path.resolve(file)), (_, name) => {
    if (name !== null && name !== path.basename(file)) return
    clearTimeout(timer)
    timer = setTimeout(onChange, SETTLE_MS)
  })
  watcher.on('error', (error) => {
    events.warning('the configuration file is no longer watched; SIGHUP still reloads it', {
      error,
    })
  })
  process.on('SIGHUP', run)
  return () => {
    clearTimeout(timer)
    watcher.close()
    process.off('SIGHUP', run)
  }
}

function readText(file: string): string | undefined {
  try {
    return fs.readFileSync(file, 'utf8')
  } catch {
    return undefined // being replaced at this moment
  }
}
