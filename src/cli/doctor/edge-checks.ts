// The six names from outside: where they lead, what certificate they show, and who answers.
import dns from 'node:dns/promises'
import http from 'node:http'
import https from 'node:https'
import tls from 'node:tls'
import { asError, asWarning, type Deployment, type Finding } from './deployment.ts'

export async function names({ domains, dashboard }: Deployment): Promise<readonly Finding[]> {
  const found = await Promise.all(
    [...domains, dashboard].map(async (name) => {
      const addresses = await dns.lookup(name, { all: true }).catch(() => [])
      return { name, addresses: addresses.map(({ address }) => address) }
    }),
  )
  const first = found.find(({ addresses }) => addresses.length > 0)?.addresses ?? []
  return found.flatMap(({ name, addresses }) => {
    if (addresses.length === 0)
      return [
        asError(
          'names',
          `${name} has no address`,
          'make an A record that leads to this machine; without one there is no certificate',
        ),
      ]
    if (addresses.some((one) => first.includes(one))) return []
    return [
      asError(
        'names',
        `${name} leads to ${addresses.join(', ')}, and others to ${first.join(', ')}`,
        'correct its A record, or the domain in .env',
      ),
    ]
  })
}

type Shown = Readonly<{
  isTrusted: boolean
  reason: string
  names: string
  issuer: string
  daysLeft: number
}>

const DAYS_MIN = 14

export async function certificates(deployment: Deployment): Promise<readonly Finding[]> {
  const { domains, dashboard, at } = deployment
  const found = await Promise.all(
    [...domains, dashboard].map(async (name) => {
      const shown = await certificateOf(name, at).catch(() => undefined)
      return shown === undefined ? 'nobody' : problemOf(name, shown)
    }),
  )
  if (found.every((one) => one === 'nobody'))
    return [
      asError(
        'certificates',
        `nothing answers TLS at ${at.host}:${at.port}`,
        'start Traefik; open ports 80 and 443: ufw allow 80/tcp; ufw allow 443/tcp',
      ),
    ]
  return found.flatMap((one) => (one === undefined || one === 'nobody' ? [] : [one]))
}

function problemOf(
  name: string,
  { isTrusted, reason, names: shown, issuer, daysLeft }: Shown,
): Finding | undefined {
  const check = 'certificates'
  const log = 'the reason is in: docker logs traefik-prod 2>&1 | grep -i acme'
  if (issuer.includes('TRAEFIK DEFAULT CERT'))
    return asError(check, `${name} has no certificate yet`, log)
  if (!shown.split(', ').includes(`DNS:${name}`))
    return asError(check, `${name} shows a certificate for ${shown}`, log)
  if (issuer.includes('(STAGING)'))
    return asWarning(
      check,
      `${name} has a certificate of the staging authority`,
      'empty ACME_CA_SERVER and ACME_STORAGE',
    )
  if (daysLeft < DAYS_MIN)
    return asError(
      check,
      `${name}: its certificate ends in ${Math.floor(daysLeft)} days, and should have been renewed`,
      log,
    )
  if (!isTrusted)
    return asError(
      check,
      `${name} shows a certificate that is not trusted (${reason})`,
      'scripts/certs.sh reissue ' + name,
    )
  return undefined
}

function certificateOf(servername: string, { host, port }: Deployment['at']): Promise<Shown> {
  return new Promise((resolve, reject) => {
    const socket = tls.connect({ host, port, servername, rejectUnauthorized: false }, () => {
      const { subjectaltname = '', issuer, valid_to } = socket.getPeerCertificate()
      const daysLeft = (Date.parse(valid_to) - Date.now()) / 86_400_000
      const reason = socket.authorizationError as unknown
      resolve({
        ...{ isTrusted: socket.authorized, names: subjectaltname, daysLeft },
        ...{ issuer: Object.values(issuer as object).join(' '), reason: String(reason) },
      })
      socket.end()
    })
    socket.setTimeout(5_000, () => socket.destroy(new Error('no answer')))
    socket.on('error', reject)
  })
}

export async function answers({ domains, at }: Deployment): Promise<readonly Finding[]> {
  const found = await Promise.all(
    domains.map(async (name) => {
      const plain = await statusOf(name, { ...at, port: at.httpPort, isTls: false })
      const secure = await statusOf(name, { ...at, isTls: true })
      return [redirectProblem(name, plain), answerProblem(name, secure)]
    }),
  )
  return found.flat().filter((one) => one !== undefined)
}

function redirectProblem(name: string, status: number | undefined): Finding | undefined {
  if (status === undefined || status === 301 || status === 308) return undefined
  if (status === 404) return undefined // told of the other port, too
  return asError(
    'answers',
    `http://${name} is answered ${status} and not sent to https`,
    'another program has port 80: ss -ltnp "sport = :80"',
  )
}

const PROBLEMS: Readonly<Record<number, readonly [string, string]>> = {
  404: [
    'no route leads there',
    'see that the domain in .env is this one, and that Traefik finds containers: docker logs traefik-prod',
  ],
  502: [
    'Traefik cannot reach the gateway',
    'see that api-gateway-prod runs and listens on PORT: docker logs api-gateway-prod',
  ],
  503: ['the gateway is not there, or not ready', 'docker logs --tail 50 api-gateway-prod'],
  504: ['the gateway does not answer in time', 'docker logs --tail 50 api-gateway-prod'],
}

function answerProblem(name: string, status: number | undefined): Finding | undefined {
  if (status === undefined || status === 200) return undefined
  const [message, fix] = PROBLEMS[status] ?? [
    'that is not the gateway',
    'see what has port 443: ss -ltnp "sport = :443"',
  ]
  return asError('answers', `https://${name}/healthz is answered ${status}: ${message}`, fix)
}

type Door = Readonly<{ host: string; port: number; isTls: boolean }>

function statusOf(name: string, { host, port, isTls }: Door): Promise<number | undefined> {
  const options = { host, port, path: '/healthz', headers: { host: name }, timeout: 15_000 }
  return new Promise((resolve) => {
    const done = (answer: http.IncomingMessage) => {
      answer.resume()
      resolve(answer.statusCode)
    }
    const request = isTls
      ? https.get({ ...options, agent: false, servername: name, rejectUnauthorized: false }, done)
      : http.get({ ...options, agent: false }, done)
    request.on('timeout', () => request.destroy(new Error('no answer')))
    request.on('error', () => {
      resolve(undefined) // nobody there: told by the check of the certificates
    })
  })
}
