import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const lock = join(tmpdir(), 'tollgate-bench.pid')
const pollMs = 1_000

/** Two benches on the same two cores would measure each other: the later one waits for the earlier. */
export async function oneAtATime(say: (line: string) => void): Promise<void> {
  let hasSaid = false
  while (!take()) {
    if (!hasSaid) say('another bench is running on this machine; waiting for it to end')
    hasSaid = true
    await sleep(pollMs)
  }
  process.on('exit', () => rmSync(lock, { force: true }))
}

function take(): boolean {
  try {
    writeFileSync(lock, String(process.pid), { flag: 'wx' })
    return true
  } catch (error) {
    if (!existsSync(lock)) throw error
    if (!existsSync(`/proc/${holder()}`)) rmSync(lock, { force: true })
    return false
  }
}

/** Empty for a moment while another bench writes it: that one counts as alive, as /proc itself exists. */
function holder(): string {
  try {
    return readFileSync(lock, 'utf8')
  } catch {
    return '' // gone in the meantime: the next attempt will tell
  }
}
