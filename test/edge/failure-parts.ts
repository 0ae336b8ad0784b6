import fs from 'node:fs'
import path from 'node:path'
import { ask, certificateOf, chat, PROMPT, sdk, withKey } from './client.ts'
import { DOMAINS } from './deployment.ts'
import { promised, type Part, type Site } from './parts.ts'
import { pause, run, until } from './shell.ts'

export const failureParts: readonly Part[] = [
  {
    name: 'killed',
    promise:
      'the gateway is killed and comes back, and callers with the usual retries notice nothing',
    see: (site) =>
      callersDuring(site, async ({ deployment }) => {
        const pid = await deployment.engine.podman([
          'inspect',
          '--format',
          '{{.State.Pid}}',
          'api-gateway-prod',
        ])
        process.kill(Number(pid), 'SIGKILL')
        await until(
          async () =>
            ((await pidOf(site)) !== Number(pid) &&
              (await deployment.isHealthy('api-gateway-prod'))) ||
            undefined,
          {
            what: 'the gateway back',
          },
        )
      }),
  },
  {
    name: 'restart',
    promise: 'the container is exchanged, and callers with the usual retries notice nothing',
    see: (site) =>
      callersDuring(site, async ({ deployment }) => {
        await deployment.compose(['up', '-d', '--force-recreate', '--no-deps', 'api-gateway'])
        await until(async () => (await deployment.isHealthy('api-gateway-prod')) || undefined, {
          what: 'the gateway back',
        })
      }),
  },
  {
    name: 'sigterm',
    promise: 'a stream that is open when the gateway is told to stop comes to its end',
    async see({ deployment, ca }) {
      const stream = ask({
        ...{ host: DOMAINS[0], path: '/v1/chat/completions', method: 'POST', ca },
        ...{ headers: withKey(deployment.key), body: chat('stream-20', true) },
      })
      const before = deployment.provider.journal.length
      await deployment.provider.until(
        (journal) => journal.length > before || journal.at(-1)?.ended === 'running',
      )
      const restarted = deployment.compose(['restart', '-t', '150', 'api-gateway'])
      const answer = await stream
      await restarted
      promised(
        answer.text.trimEnd().endsWith('data: [DONE]'),
        `it ends with ${answer.text.slice(-120)}`,
      )
      await until(async () => (await deployment.isHealthy('api-gateway-prod')) || undefined, {
        what: 'the gateway back',
      })
      return `whole after ${(answer.totalMs / 1_000).toFixed(0)} s`
    },
  },
  {
    name: 'restore',
    promise:
      'what scripts/backup.sh copied, in clear or encrypted, comes back with scripts/restore.sh after all was wiped, and the books are true',
    async see(site) {
      const passphrase = path.join(site.deployment.dir, 'backup-passphrase')
      fs.writeFileSync(passphrase, 'linden-harbour-copper-17\n', { mode: 0o600 })
      const clear = await comesBack(site, [])
      const encrypted = await comesBack(site, ['--passphrase-file', passphrase])
      promised(
        clear.every((file) => !file.endsWith('.enc')) &&
          encrypted.every((file) => file.endsWith('.enc')),
        [...clear, ...encrypted].join(),
      )
      return `${clear.length} files and ${encrypted.length} encrypted ones; account and certificates are the same; the audit finds nothing`
    },
  },
  {
    name: 'image',
    promise:
      'scripts/core/build-api-gateway.sh makes an image, and it holds nothing that it does not need',
    async see({ deployment: { script } }) {
      const built = await script('core/build-api-gateway.sh', ['--tag', 'edge', '--json'])
      promised(built.code === 0, built.stderr.slice(-1_000))
      const { image } = JSON.parse(built.stdout) as { image: string }
      const { code, stdout, stderr } = await script('core/image-contents.sh', [image, '--json'])
      promised(code === 0, stderr + stdout)
      const { bytes, files } = JSON.parse(stdout) as { bytes: number; files: number }
      return `${Math.round(bytes / 2 ** 20)} MiB in ${files} files`
    },
  },
]

const pidOf = async ({ deployment: { engine } }: Site): Promise<number> => {
  const { stdout } = await run(
    'podman',
    ['inspect', '--format', '{{.State.Pid}}', 'api-gateway-prod'],
    { env: engine.env },
  )
  return Number(stdout) || 0
}

/** A backup, all wiped, and a restore; resolves with the names of the files. */
async function comesBack({ deployment, ca }: Site, how: readonly string[]): Promise<string[]> {
  const { dir, script, inside, compose, key } = deployment
  const account = async () =>
    (await ask({ host: DOMAINS[0], path: '/v1/account', headers: withKey(key), ca })).text
  const serial = async () => (await certificateOf(DOMAINS[0], ca)).serial
  const before = [await account(), await serial()]
  const made = await script('backup.sh', [...how, '--json'])
  promised(made.code === 0, made.stderr)
  const { files } = JSON.parse(made.stdout) as { files: string[] }
  const [books = '', certs = '', settings = ''] = files.map((name) => `backups/${name}`)
  await compose(['down', '--timeout', '20'])
  for (const folder of ['db', 'letsencrypt']) {
    fs.rmSync(path.join(dir, folder), { recursive: true })
    await script('setup.sh', [])
  }
  const wanted = [books, '--certs', certs, '--env', settings, ...how]
  const restored = await script('restore.sh', [...wanted, '--yes', '--json'])
  promised(restored.code === 0, restored.stderr)
  const after = await until(
    async () => {
      const text = await account().catch(() => '')
      return text.includes('"balance"') ? [text, await serial()] : undefined
    },
    { what: 'the account' },
  )
  promised(after.join() === before.join(), `it was ${before.join()} and is ${after.join()}`)
  const audit = await inside(['scripts/audit.js', '--json'])
  const { findings = [] } = JSON.parse(audit) as { findings?: unknown[] }
  promised(findings.length === 0, audit.slice(0, 300))
  return files
}

/** Four callers, one request after the other, through the SDK as it comes: two retries. */
async function callersDuring(site: Site, happen: (site: Site) => Promise<void>): Promise<string> {
  const { deployment, ca } = site
  let [isOn, answered, slowestMs] = [true, 0, 0]
  const failures: string[] = []
  const caller = async (host: string) => {
    const openai = sdk({ host, key: deployment.key, ca })
    while (isOn) {
      const start = performance.now()
      try {
        await openai.chat.completions.create({
          model: 'gpt-4o',
          messages: [{ role: 'user', content: PROMPT }],
        })
        answered++
      } catch (error) {
        failures.push(error instanceof Error ? error.message : String(error))
      }
      slowestMs = Math.max(slowestMs, performance.now() - start)
      await pause(100)
    }
  }
  const callers = Promise.all(DOMAINS.slice(0, 4).map(caller))
  await pause(2_000)
  await happen(site)
  await pause(2_000)
  isOn = false
  await callers
  promised(
    failures.length === 0,
    `${failures.length} of ${answered + failures.length} failed: ${[...new Set(failures)].join('; ')}`,
  )
  return `${answered} answered, none failed, the slowest took ${(slowestMs / 1_000).toFixed(1)} s`
}
