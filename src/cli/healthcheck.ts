import { parseArgs } from 'node:util'

const HELP = `node scripts/healthcheck.js [options]

Asks the gateway on this machine (PORT, 8088) whether it lives: GET /healthz. Containers run it as their health check.

  --ready            ask whether it takes requests, too: GET /readyz
  --timeout SECONDS  how long it may take (3)
  --json             {"healthy", "url", "status", "reason"}
  --help             this text

Ends with 0 when it does, else with 1.
`

const OPTIONS = {
  ready: { type: 'boolean', default: false },
  timeout: { type: 'string', default: '3' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const

type Health = Readonly<{ healthy: boolean; url: string; status?: number; reason?: string }>

const { values } = parseArgs({ options: OPTIONS })
if (values.help) process.stdout.write(HELP)
else {
  const health = await ask(addressOf(process.env), Number(values.timeout) * 1_000)
  process.stdout.write(values.json ? `${JSON.stringify(health)}\n` : `${sentence(health)}\n`)
  process.exitCode = health.healthy ? 0 : 1
}

function addressOf(env: NodeJS.ProcessEnv): string {
  const port = env['PORT'] || env['API_GATEWAY_PORT'] || '8088'
  const host = env['HOST'] || env['API_GATEWAY_HOST'] || '0.0.0.0'
  const name = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host
  const path = values.ready ? 'readyz' : 'healthz'
  return `http://${name.includes(':') ? `[${name}]` : name}:${port}/${path}`
}

async function ask(url: string, timeoutMs: number): Promise<Health> {
  try {
    const { status } = await fetch(url, { signal: AbortSignal.timeout(timeoutMs) })
    return { healthy: status === 200, url, status }
  } catch (error) {
    const cause = error instanceof Error ? (error.cause ?? error) : error
    return { healthy: false, url, reason: cause instanceof Error ? cause.message : String(cause) }
  }
}

function sentence({ healthy, url, status, reason }: Health): string {
  return `${url} ${healthy ? 'is fine' : `answers ${status ?? `nothing: ${reason ?? ''}`}`}`
}
