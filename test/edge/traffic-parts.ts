import fs from 'node:fs'
import https from 'node:https'
import path from 'node:path'
import { ask, ask2, askPlain, chat, here, PROMPT, sdk, withKey, type Answer } from './client.ts'
import { DOMAINS } from './deployment.ts'
import { promised, type Part, type Site } from './parts.ts'
import { pause, run, until } from './shell.ts'

const CHAT = '/v1/chat/completions'

export const trafficParts: readonly Part[] = [
  {
    name: 'sdk',
    promise: 'the OpenAI SDK chats over HTTPS on each of the five domains, streamed and not',
    async see({ deployment: { key }, ca }) {
      for (const host of DOMAINS) {
        const openai = sdk({ host, key, ca })
        const messages = [{ role: 'user', content: PROMPT }] as const
        const whole = await openai.chat.completions.create({
          model: 'gpt-4o',
          messages: [...messages],
        })
        promised((whole.choices[0]?.message.content ?? '') !== '', `${host} answered nothing`)
        const stream = await openai.chat.completions.create({
          model: 'gpt-4o',
          messages: [...messages],
          stream: true,
        })
        let text = ''
        for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? ''
        promised(text === whole.choices[0]?.message.content, `${host} streamed "${text}"`)
      }
      return `${DOMAINS.length} domains`
    },
  },
  {
    name: 'first-byte',
    promise: 'the first piece of a stream comes at once: nothing at the edge keeps it back',
    async see(site) {
      const seen: string[] = []
      for (const [version, over] of [
        ['h1', ask],
        ['h2', ask2],
      ] as const) {
        const times: number[] = []
        for (let count = 0; count < 7; count++)
          times.push((await streamed(site, over, 'stream-short')).firstByteMs)
        const median = times.toSorted((a, b) => a - b)[3] ?? Infinity
        promised(
          median < site.firstByteMsMax,
          `${version}: ${median.toFixed(0)} ms (median of ${times.length})`,
        )
        seen.push(`${version} ${median.toFixed(0)} ms`)
      }
      return `median of 7: ${seen.join(', ')}`
    },
  },
  {
    name: 'streams',
    promise: 'streams of 75 and 130 s are whole, on HTTP/1.1 and HTTP/2, piece by piece',
    async see(site) {
      const wanted = (['stream-75', 'stream-130'] as const).flatMap((model) => [
        { model, version: 'h1', over: ask },
        { model, version: 'h2', over: ask2 },
      ])
      const seen = await Promise.all(
        wanted.map(async ({ model, version, over }) => {
          const answer = await streamed(site, over, model)
          promised(
            answer.gapMs < 5_000,
            `${model} on ${version} was silent for ${answer.gapMs.toFixed(0)} ms`,
          )
          const [first, total] = [
            answer.firstByteMs.toFixed(0),
            (answer.totalMs / 1_000).toFixed(0),
          ]
          return `${version} ${total} s (first byte ${first} ms)`
        }),
      )
      return seen.join(', ')
    },
  },
  {
    name: 'slow-upload',
    promise: 'a request that takes 70 s to arrive is served',
    async see({ deployment: { key }, ca }) {
      const answer = await ask({
        ...{ host: DOMAINS[1], path: CHAT, method: 'POST', headers: withKey(key), ca },
        body: slowly(chat('gpt-4o'), { seconds: 70 }),
      })
      promised(answer.status === 200, `${answer.status} ${answer.text.slice(0, 200)}`)
      return `200 after ${(answer.totalMs / 1_000).toFixed(0)} s`
    },
  },
  {
    name: 'abort',
    promise: 'the provider is left within a second of the caller leaving',
    async see({ deployment: { key, provider }, ca }) {
      const host = DOMAINS[0]
      const before = provider.journal.length
      const request = https.request({
        ...{
          host,
          servername: host,
          path: CHAT,
          method: 'POST',
          headers: withKey(key),
          ca,
          lookup: here,
        },
        agent: false,
      })
      request.on('error', () => undefined) // its own end
      request.end(chat('stream-20', true))
      await new Promise<void>((resolve) =>
        request.once('response', (answer) =>
          answer.once('data', () => {
            resolve()
          }),
        ),
      )
      const call = provider.journal[before]
      promised(call?.ended === 'running', 'the call does not run')
      const start = performance.now()
      request.destroy()
      await provider.until(() => call?.ended === 'caller_left')
      const ms = performance.now() - start
      promised(ms < 1_000, `after ${ms.toFixed(0)} ms`)
      return `after ${ms.toFixed(0)} ms`
    },
  },
  {
    name: 'model-names',
    promise: 'a model whose name has a slash is found by its encoded path',
    async see({ deployment: { key }, ca }) {
      const answer = await ask({
        host: DOMAINS[0],
        path: '/v1/models/org%2Fname',
        headers: withKey(key),
        ca,
      })
      promised(
        answer.status === 404 && answer.text.includes('model_not_found'),
        `${answer.status} ${answer.text.slice(0, 200)}`,
      )
      return 'the gateway itself answers'
    },
  },
  {
    name: 'logs',
    promise: 'no log holds a key, a query or a prompt, nor what bots of the predecessor send',
    async see({ deployment: { dir, key, engine, settings }, ca }) {
      const { ADMIN_FIRST: master = '' } = settings()
      const printed = async (container: string) => {
        const { stdout, stderr } = await run('podman', ['logs', container], { env: engine.env })
        return stdout + stderr
      }
      const requests = (text: string) =>
        text.split('\n').filter((line) => line.includes('"RequestMethod"')).length
      const before = requests(await printed('traefik-prod'))
      const host = DOMAINS[0]
      await ask({ host, path: `/v1/models?key=${key}`, headers: withKey(key), ca })
      const old = `/token/has?userId=edge&masterToken=${encodeURIComponent(master)}`
      const answer = await ask({ host, path: old, ca })
      promised(answer.text === '{"status":true}', `${answer.status} ${answer.text.slice(0, 200)}`)
      await askPlain({ host, path: old })
      const edge = await until(
        async () => {
          const text = await printed('traefik-prod')
          return requests(text) >= before + 3 ? text : undefined
        },
        { what: 'three more lines in the log of requests' },
      )
      promised(edge.includes('"RouterName":"api-gateway-domain1@docker"'), 'no router is named')
      const folder = path.join(dir, 'logs')
      const files = fs.readdirSync(folder).map((name) => path.join(folder, name))
      const kept = files.filter((file) => fs.statSync(file).isFile())
      const texts = [
        edge,
        await printed('api-gateway-prod'),
        ...kept.map((file) => fs.readFileSync(file, 'utf8')),
      ].join('\n')
      const secrets = [master, key, PROMPT, 'sk-edge', '?key=', 'masterToken=']
      for (const secret of secrets)
        promised(!texts.includes(secret), `"${secret.slice(0, 6)}…" is logged`)
      return `${requests(edge)} requests at the edge, ${kept.length} files of the gateway`
    },
  },
]

async function streamed(
  { deployment: { key }, ca }: Site,
  over: typeof ask,
  model: string,
): Promise<Answer> {
  const answer = await over({
    host: DOMAINS[0],
    path: CHAT,
    method: 'POST',
    headers: withKey(key),
    ca,
    body: chat(model, true),
  })
  promised(answer.status === 200, `${model}: ${answer.status} ${answer.text.slice(0, 200)}`)
  promised(
    answer.text.trimEnd().endsWith('data: [DONE]'),
    `${model}: it ends with ${answer.text.slice(-80)}`,
  )
  return answer
}

async function* slowly(text: string, { seconds }: { seconds: number }): AsyncGenerator<string> {
  for (let at = 0; at < seconds; at++) {
    const [from, to] = [at, at + 1].map((part) => Math.floor((text.length * part) / seconds))
    yield text.slice(from, to)
    await pause(1_000)
  }
}
