import { execFile } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { issueKey, root, userArgs, cleanEnv } from './support/gateway-process.ts'
import { clientOf, MESSAGES, openHouse, type House } from './support/house.ts'
import { raw } from './support/raw.ts'

let house: House
beforeAll(async () => {
  house = await openHouse({ words: ['answer'], other: ['answer'] })
})
afterAll(() => house.close())

const tokenGen = (args: readonly string[]) =>
  promisify(execFile)(process.execPath, [path.join(root, 'scripts', 'token-gen.js'), ...args], {
    cwd: house.gateway.dir,
    env: cleanEnv(house.gateway.dir),
  })

describe('token-gen beside a running server', () => {
  test('makes an account with exactly the credit asked for, and a key that works at once', async () => {
    const issued = await house.gateway.issue(userArgs('testuser', '10000'))
    expect(issued).toMatchObject({ account: 'testuser', tier: 'free', credits: '10000' })
    const client = clientOf(house.gateway.url, 'testuser', issued.key)
    expect(await client.balance()).toBe('10000')
    const answer = await client.openai.chat.completions.create({
      model: 'words',
      messages: MESSAGES,
    })
    expect(answer.choices[0]?.finish_reason).toBe('stop')
  })

  test('gives an existing account a further key, and that much credit on top', async () => {
    const first = await house.gateway.issue(userArgs('again', '5'))
    const second = await house.gateway.issue(userArgs('again', '0.5'))
    expect(second.key).not.toBe(first.key)
    expect(second.credits).toBe('5.5')
    expect(await clientOf(house.gateway.url, 'again', first.key).balance()).toBe('5.5')
  })

  test('limits a key to its models, and to its time', async () => {
    const { key } = await house.gateway.issue([
      ...userArgs('narrow', '1000'),
      '--models',
      'words',
      '--expires',
      '1h',
      '--tier',
      'free',
    ])
    const { openai } = clientOf(house.gateway.url, 'narrow', key)
    expect((await openai.models.list()).data.map(({ id }) => id)).toEqual(['words'])
    await expect(
      openai.chat.completions.create({ model: 'other', messages: MESSAGES }),
    ).rejects.toMatchObject({
      status: 403,
      code: 'key_not_allowed',
    })
  })

  test('makes admin keys, which do not chat but issue keys and begin sessions', async () => {
    const { key } = await house.gateway.issue(['--type', 'admin'])
    const { url } = house.gateway
    const chat = await raw({
      url,
      key,
      body: JSON.stringify({ model: 'words', messages: MESSAGES }),
    })
    expect(chat.status).toBe(403)
    const session = await raw({ url, key, path: '/auth/session', body: '{}' })
    const { token } = JSON.parse(session.body) as { token: string }
    const wish = JSON.stringify({ type: 'user', account: 'by-http', credits: '7' })
    const issued = await raw({ url, key: token, path: '/admin/keys', body: wish })
    expect(issued.status).toBe(201)
    const made = JSON.parse(issued.body) as { key: string; credits: string }
    expect(made.credits).toBe('7')
    expect(await clientOf(url, 'by-http', made.key).balance()).toBe('7')
    const refused = await raw({ url, key: made.key, path: '/admin/keys', body: wish })
    expect(refused.status).toBe(403)
    expect((await raw({ url, key: `${token}x`, path: '/admin/keys', body: wish })).status).toBe(401)
  })

  test('a hundred calls at once lose nothing', async () => {
    const before = await house.gateway.issue(userArgs('crowd', '0'))
    for (let batch = 0; batch < 5; batch++) {
      await Promise.all(
        Array.from({ length: 4 }, () => house.gateway.issue(userArgs('crowd', '1'))),
      )
    }
    expect(await clientOf(house.gateway.url, 'crowd', before.key).balance()).toBe('20')
  }, 60_000)

  test.each([
    [['--type', 'user', '--userName', 'x', '--token=-1'], /--token must not be negative/],
    [['--type', 'user', '--userName', 'x', '--token', '1e3'], /--token must/],
    [['--type', 'user', '--userName', 'x', '--token', '0.0000001'], /credits/],
    [['--type', 'user', '--token', '5'], /--userName is missing/],
    [['--type', 'user', '--userName', 'x', '--role', 'owner'], /--role is for admin keys/],
    [['--type', 'admin', '--userName', 'x'], /--userName is for user keys/],
    [['--type', 'admin', '--token', '5'], /--token is for user keys/],
    [['--type', 'admin', '--tier', 'free'], /--tier is for user keys/],
    [['--type', 'admin', '--models', 'words'], /--models is for user keys/],
    [['--type', 'admin', '--role', 'king'], /--role must be/],
    [['--type', 'user', '--userName', 'a b', '--token', '5'], /account name/],
    [['--type', 'user', '--userName', 'operator', '--token', '5'], /operator/],
    [['--type', 'king'], /user/],
    [['--type', 'user', '--userName', 'x', '--tier', 'gold'], /tier/],
    [['--type', 'user', '--userName', 'x', '--models', 'nope'], /nope/],
    [['--type', 'user', '--userName', 'x', '--expires', 'soon'], /expires/],
    [['--type', 'user', '--userName', 'x', '--expires', '2001-01-01'], /expired/],
    [['--what'], /--what/],
    [[], /--type/],
  ])('refuses %j with a reason', async (args, reason) => {
    await expect(tokenGen(args)).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringMatching(reason) as string,
    })
  })
})

test('what the configuration is can be had as JSON', async () => {
  const script = path.join(root, 'scripts', 'config-check.js')
  const { stdout } = await promisify(execFile)(process.execPath, [script, '--json'], {
    cwd: root,
    env: cleanEnv(house.gateway.dir),
  })
  expect(JSON.parse(stdout)).toMatchObject({
    ...{ ok: true, webhooks: { largeCharge: expect.stringMatching(/^\d+$/) as string } },
    tiers: { free: { limits: { requestsPerMinute: 0 } } },
  })
})

describe('token-gen without a server', () => {
  test('writes to the same books, which the next server reads', async () => {
    await house.gateway.stop()
    const where = { cwd: house.gateway.dir, env: cleanEnv(house.gateway.dir) }
    const [one, two] = await Promise.all([
      issueKey(userArgs('offline', '3'), where),
      issueKey(userArgs('offline', '4'), where),
    ])
    const gateway = await house.gateway.restart()
    expect(await clientOf(gateway.url, 'offline', one.key).balance()).toBe('7')
    expect(await clientOf(gateway.url, 'offline', two.key).balance()).toBe('7')
    await gateway.stop()
    const kept = fs.readFileSync(
      path.join(house.gateway.dir, 'db', 'journal', '00000001.jsonl'),
      'utf8',
    )
    expect(kept).not.toContain(one.key)
  })
})
