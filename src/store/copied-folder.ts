import fs from 'node:fs'
import path from 'node:path'

/** A copy whose files and folders may be read by whom the first's may: Node 24 gives folders the usual mode. */
export function copyFolder(from: string, to: string): void {
  fs.cpSync(from, to, { recursive: true })
  for (const name of ['', ...(fs.readdirSync(from, { recursive: true }) as string[])])
    fs.chmodSync(path.join(to, name), fs.statSync(path.join(from, name)).mode)
}
