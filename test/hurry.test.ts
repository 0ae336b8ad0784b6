import { expect, test } from 'vitest'
import { startFaultProvider } from './fault-provider/fault-provider.ts'
import { startGateway } from './support/gateway-process.ts'
import { untilLogged } from './support/journal.ts'
import { chat, raw } from './support/raw.ts'

test('who waits for a provider when the gateway is told to hurry does not hold it up', async () => {
  const upstream = await startFaultProvider()
  const gateway = await startGateway({
    config: `
tiers: { free: { requests_per_minute: 0 } }
providers:
  - { id: fake, protocol: openai, base_url: "${upstream.baseUrl}", api_keys: k, concurrency_max: 1 }
models:
  - { id: hanging, price: free, deployments: [{ provider: fake, model: "answer?hang" }] }
`,
  })
  const { key } = await gateway.user('user', '1000')
  const ask = () => raw({ url: gateway.url, key, body: chat('hanging', { stream: true }) })
  const first = ask()
  await upstream.until(({ length }) => length === 1)
  const second = ask()
  const waiting = async (): Promise<boolean> => {
    const path = '/admin/providers'
    const { body } = await raw({ url: gateway.url, key: gateway.adminKey, method: 'GET', path })
    return body.includes('"waiting":1')
  }
  while (!(await waiting()));
  gateway.process.kill('SIGINT')
  await untilLogged(gateway.output, '"message":"stopping"')
  expect(await gateway.stop()).toBe(0)
  expect((await Promise.all([first, second])).map(({ status }) => status)).toEqual([503, 503])
  expect(upstream.journal).toHaveLength(1)
  await gateway.close()
  await upstream.close()
})
