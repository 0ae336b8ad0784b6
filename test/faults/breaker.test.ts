import { afterAll, beforeAll, expect, test } from 'vitest'
import { openHouse, type Client, type House } from '../support/house.ts'
import { checkInvariants } from '../support/invariants.ts'
import { untilLogged } from '../support/journal.ts'
import { planted } from '../support/planted.ts'
import { markedChat, raw, type RawAnswer } from '../support/raw.ts'
import { warmBaseOf, type Base } from '../support/returned.ts'

const STATUSES = [500, 502, 503, 529] as const
/** Longer than a breaker is open the first time, 30 s by default, and shorter than the second time, by chance or not. */
const STEP_MS = 40_000

let house: House
let client: Client
let base: Base
let aheadMs = 0
const heard: RawAnswer[] = []

/** Six calls fail and the next six do not; from the sixth on each waits until it is let go. */
const failing = (status: number): string => `answer?flap=6&status=${status}&held&late=5`

beforeAll(async () => {
  house = await openHouse(
    {
      unsaid: ['answer?usage=none'],
      ...Object.fromEntries(
        STATUSES.map((status) => [`storm-${status}`, [failing(status), 'answer?chunks=3']]),
      ),
    },
    '',
    planted(`ticks:${STEP_MS}`),
  )
  client = await house.client()
  base = await warmBaseOf(house.gateway, () => ask('unsaid', true))
})
afterAll(() => house.close())

async function ask(model: string, stream: boolean): Promise<RawAnswer> {
  const { url } = house.gateway
  const answer = await raw({ url, key: client.key, body: markedChat(model, { stream }) })
  heard.push(answer)
  return answer
}

async function later(): Promise<void> {
  aheadMs += STEP_MS
  house.gateway.process.kill('SIGUSR2')
  await untilLogged(house.gateway.output, `ticks ahead: ${aheadMs}`)
}

async function stateOf(deployment: string): Promise<string | undefined> {
  const { url, adminKey: key } = house.gateway
  const { body } = await raw({ url, key, method: 'GET', path: '/admin/providers' })
  type State = { id: string; state: string }
  const { providers } = JSON.parse(body) as { providers: { deployments: State[] }[] }
  return providers.flatMap(({ deployments }) => deployments).find(({ id }) => id === deployment)
    ?.state
}

test.each(STATUSES)(
  'F49: a storm of %i takes five calls, then one probe at a time, and after three good ones all calls again',
  async (status) => {
    const calls = () => house.upstream.journal.filter(({ model }) => model === failing(status))
    const state = () => stateOf(`fake/${failing(status)}`)
    const answered = async (count: number) => {
      const all = Array.from({ length: count }, (_, at) => ask(`storm-${status}`, at % 2 === 0))
      const statuses = (await Promise.all(all)).map((answer) => answer.status)
      expect(statuses).toEqual(statuses.map(() => 200))
    }
    /** One that is on its way there while others ask and are answered. */
    const probed = async (count: number) => {
      const probe = answered(1)
      await house.upstream.until(() => calls().length === count)
      await answered(6)
      expect([calls().length, await state()]).toEqual([count, 'open'])
      house.upstream.letGo()
      await probe
    }

    for (let count = 0; count < 8; count++) await answered(1)
    expect([calls().length, await state()]).toEqual([5, 'open'])
    await later()
    expect(await state()).toBe('probing')
    await probed(6)
    await later()
    await answered(6)
    expect([calls().length, await state()]).toEqual([6, 'open'])
    await later()
    for (const count of [7, 8, 9]) {
      expect(await state()).toBe('probing')
      await probed(count)
    }
    expect(await state()).toBe('ready')
    const all = answered(3)
    await house.upstream.until(() => calls().length === 12)
    house.upstream.letGo()
    await all
  },
)

test('after all of it everything is as it should be', async () => {
  const { gateway, upstream } = house
  const secrets = ['upstream-secret-1', client.key, gateway.adminKey]
  await checkInvariants({ gateway, upstreams: [upstream], secrets, base }, heard)
}, 60_000)
