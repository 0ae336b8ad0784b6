import { Registry } from 'prom-client'
import { expect, test } from 'vitest'
import { micro } from '../../domain/money.ts'
import { textUsage } from '../../domain/usage.ts'
import type { RequestEnded } from '../../ports/events.ts'
import { Spending } from './spending.ts'

const ended: RequestEnded = {
  ...{
    requestId: 'req_1',
    account: 'ada',
    key: 'key_1',
    model: 'gpt-4o',
    answeringModel: 'gpt-4o',
  },
  ...{ deployment: 'openai/gpt-4o', attempts: [], outcome: 'finished', usage: textUsage(12, 34) },
  ...{ isEstimated: false, isStream: false, cost: micro(0n), charged: micro(0n) },
  ...{ firstByteMs: 1, totalMs: 2 },
}
const WHERE = { model: 'gpt-4o', provider: 'openai', creditsPerUsd: 200_000 }

async function spent(...requests: readonly Partial<RequestEnded>[]) {
  const registry = new Registry()
  const spending = new Spending(registry)
  for (const request of requests) spending.add({ ...ended, ...request }, WHERE)
  const sumOf = async (name: string): Promise<number> => {
    const found = await registry.getSingleMetric(`api_gateway_${name}_total`)?.get()
    return (found?.values ?? []).reduce((sum, { value }) => sum + value, 0)
  }
  return {
    charged: await sumOf('charged_microcredits'),
    overrun: await sumOf('overrun_microcredits'),
    usd: await sumOf('cost_usd'),
  }
}

test('what an account does not pay of a cost is the operator’s', async () => {
  const requests = [
    { cost: micro(900n), charged: micro(700n) },
    { cost: micro(100n), charged: micro(100n) },
  ]
  expect(await spent(...requests)).toEqual({
    charged: 800,
    overrun: 200,
    usd: 1000 / 1e6 / 200_000,
  })
})

test('a reseller’s markup, which its sub-account pays beyond the cost, takes nothing off that', async () => {
  const requests = [
    { cost: micro(900n), charged: micro(700n) },
    { cost: micro(100n), charged: micro(150n) },
  ]
  expect(await spent(...requests)).toMatchObject({ charged: 850, overrun: 200 })
})
