import fs from 'node:fs'
import { expect, test } from 'vitest'
import { openHouse } from './house.ts'

test('a house is closed with the process that was started again in it', async () => {
  const house = await openHouse({ words: ['answer'] })
  await house.gateway.stop('SIGKILL')
  const again = await house.gateway.restart()
  await house.close()
  expect(again.process.exitCode).toBe(0)
  expect(fs.existsSync(again.dir)).toBe(false)
})
