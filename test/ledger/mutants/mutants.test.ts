import fs from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { root } from '../../support/gateway-process.ts'
import { MUTANTS } from './list.ts'
import { brokenBy } from './scratch.ts'

test.each(MUTANTS)('the bug "$name" still has its place, and tests that look for it', (mutant) => {
  const sound = fs.readFileSync(path.join(root, mutant.file), 'utf8')
  expect(brokenBy(mutant, sound)).not.toBe(sound)
  const missing = mutant.tests.filter((file) => !fs.existsSync(path.join(root, file)))
  expect(missing).toEqual([])
})
