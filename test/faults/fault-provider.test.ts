import { spawn } from 'node:child_process'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { expect, test } from 'vitest'
import { root } from '../support/gateway-process.ts'
import { chat } from '../support/raw.ts'

test('operators start the fault provider by its name, and it tells what it was asked', async () => {
  const script = path.join(root, 'scripts', 'fault-provider.js')
  const child = spawn(process.execPath, [script, '--json'])
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const line = async () => JSON.parse(String((await lines.next()).value)) as Record<string, unknown>
  const { base_url: url } = await line()
  const body = chat('answer?status=418&message=tea')
  const answer = await fetch(`${String(url)}/chat/completions`, { method: 'POST', body })
  expect([answer.status, await answer.text()]).toEqual([418, expect.stringContaining('tea')])
  expect(await line()).toMatchObject({ model: 'answer?status=418&message=tea', ended: 'refused' })
  const exit = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  expect(await exit).toBe(0)
})
