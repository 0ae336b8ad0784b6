// Runs what is written in TypeScript and is not part of the program, on the compiled program.
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { register } from 'tsx/esm/api'
import { ensureBuilt, root } from '../scripts/build.js'

export async function runTypeScript(file) {
  if (!process.argv.includes('--help')) ensureBuilt()
  register()
  await import(pathToFileURL(path.join(root, file)).href)
}
