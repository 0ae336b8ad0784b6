import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { TLS_KINDS } from '../fault-provider/certificate.ts'
import { startFaultProvider, type FaultProvider } from '../fault-provider/fault-provider.ts'
import { startGateway, type GatewayProcess } from '../support/gateway-process.ts'
import { checkInvariants } from '../support/invariants.ts'
import { planted } from '../support/planted.ts'
import { markedChat, raw } from '../support/raw.ts'
import { warmBaseOf, type Base } from '../support/returned.ts'

let gateway: GatewayProcess
let upstreams: readonly FaultProvider[]
let key: string
let base: Base

beforeAll(async () => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-'))
  upstreams = await Promise.all(TLS_KINDS.map((tls) => startFaultProvider({ tls })))
  const trusted = path.join(dir, 'ca.pem')
  fs.writeFileSync(trusted, upstreams.map(({ ca = '' }) => ca).join(''))
  const config = `accounting: { credits_per_usd: 1000000, default_max_output: 100 }
tiers: { free: { requests_per_minute: 0 } }
providers:
${upstreams.map(({ baseUrl }, at) => `  - { id: p${at}, protocol: openai, base_url: "${baseUrl}", api_keys: secret-of-tls }`).join('\n')}
models:
  - { id: unsaid, price: { input: 2, output: 8 }, deployments: [{ provider: p0, model: answer?usage=none }] }
${TLS_KINDS.map((id, at) => `  - { id: ${id}, price: { input: 2, output: 8 }, deployments: [{ provider: p${at}, model: answer }] }`).join('\n')}
`
  gateway = await startGateway({ dir, config, env: { ...planted(), NODE_EXTRA_CA_CERTS: trusted } })
  key = (await gateway.user('user', '1000000')).key
  base = await warmBaseOf(gateway, () => ask('unsaid'))
})
afterAll(async () => {
  await gateway.close()
  for (const upstream of upstreams) await upstream.close()
})

const ask = (model: string) => raw({ url: gateway.url, key, body: markedChat(model) })

test('F57: a provider is asked only when its certificate is in order', async () => {
  const before = upstreams.map(({ journal }) => journal.length)
  const answers = []
  for (const model of TLS_KINDS) answers.push(await ask(model))
  expect(answers.map(({ status }) => status)).toEqual([200, 503, 503, 503])
  // Neither the prompt nor the key went to anybody who could not say who they are.
  const calls = upstreams.map(({ journal }, at) => journal.length - (before[at] ?? 0))
  expect(calls).toEqual([1, 0, 0, 0])
  await checkInvariants({ gateway, upstreams, secrets: ['secret-of-tls', key], base }, answers)
}, 60_000)
