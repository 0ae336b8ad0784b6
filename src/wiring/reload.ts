import fs from 'node:fs'
import path from 'node:path'
import type { Configuration } from '../http/site.ts'
import type { Events } from '../ports/events.ts'

export type Watching = Readonly<{
  file: string
  reload: Configuration['reload']
  events: Events
}>

/** Editors write a file in several steps; this long after the last of them it is read. */
const SETTLE_MS = 150

/** Re-reads the configuration when its file changes and on SIGHUP. An invalid one is refused, and the old one stays. */
export function watchConfig({ file, reload, events }: Watching): () => void {
  let timer: NodeJS.Timeout | undefined
  let text = readText(file)
  const run = async (by: 'file' | 'signal') => {
    try {
      const problems = await reload(by)
      if (problems.length === 0) events.notice('configuration reloaded', { file })
      else events.problem('configuration refused, the one before stays in force', { problems })
    } catch (error) {
      events.problem('configuration refused, the one before stays in force', { error })
    }
  }
  const onSignal = () => void run('signal')
  const onChange = () => {
    const now = readText(file)
    if (now === undefined || now === text) return
    text = now
    void run('file')
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
  process.on('SIGHUP', onSignal)
  return () => {
    clearTimeout(timer)
    watcher.close()
    process.off('SIGHUP', onSignal)
  }
}

function readText(file: string): string | undefined {
  try {
    return fs.readFileSync(file, 'utf8')
  } catch {
    return undefined // being replaced at this moment
  }
}
