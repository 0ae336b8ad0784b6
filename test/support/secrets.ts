import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { isMissing } from '../../src/store/lowdb/segments.ts'
import type { GatewayProcess } from './gateway-process.ts'
import { scrape } from './metrics.ts'
import { markIn, type RawAnswer } from './raw.ts'

/** No secret is anywhere where somebody could read it, and no prompt in what the gateway writes down (N12). */
export async function checkSecrets(
  { dir, output, url, adminKey }: GatewayProcess,
  secrets: readonly string[],
  heard: readonly RawAnswer[],
): Promise<void> {
  const { text: metrics } = await scrape(url, adminKey)
  const own: readonly (readonly [string, string])[] = [
    ['its output', output()],
    ['its metrics', metrics],
    ...['db', 'logs'].flatMap((folder) => filesIn(path.join(dir, folder))),
  ]
  for (const [where, text] of own) {
    assert.equal(markIn(text), undefined, `a prompt is in ${where}`)
  }
  const said = heard.map((one) => ['an answer', JSON.stringify(one)] as const)
  for (const [where, text] of [...own, ...said]) {
    for (const secret of secrets) assert.ok(!text.includes(secret), `a secret is in ${where}`)
  }
}

/** Each with its name: what a copy of the folder would give away. Some are gone again before they are read. */
export function filesIn(folder: string): (readonly [string, string])[] {
  return fs
    .readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => path.join(parentPath, name))
    .flatMap((file) => {
      try {
        return [[file, fs.readFileSync(file, 'latin1')] as const]
      } catch (error) {
        if (isMissing(error)) return []
        throw error
      }
    })
}
