// What can be said of .env by reading it.
import net from 'node:net'
import { asError, asWarning, statIn, type Deployment, type Finding } from './deployment.ts'

const SETUP = 'run scripts/setup.sh'
const NEW_PASSWORD = 'scripts/setup.sh --new-dashboard-password'

export function envFile({ dir, envText }: Deployment): readonly Finding[] {
  const check = 'env_file'
  if (envText === undefined) return [asError(check, 'there is no .env here', SETUP)]
  const found: Finding[] = []
  const mode = (statIn(dir, '.env')?.mode ?? 0) & 0o077
  if (mode !== 0) found.push(asError(check, '.env can be read by others', 'chmod 600 .env'))
  if (envText.includes('\r'))
    found.push(
      asError(
        check,
        '.env has line ends of Windows, which get into values',
        "sed -i 's/\\r$//' .env",
      ),
    )
  const names = [...envText.matchAll(/^([A-Z][A-Z0-9_]*)=/gm)].map(([, name]) => name)
  const twice = names.filter((name, at) => names.indexOf(name) !== at)
  if (twice.length > 0)
    found.push(
      asWarning(
        check,
        `set twice: ${[...new Set(twice)].join(', ')}`,
        'keep one line of each; the last one counts',
      ),
    )
  return found
}

export function email({ env }: Deployment): readonly Finding[] {
  const address = env['LETSENCRYPT_EMAIL'] ?? ''
  const fix = 'scripts/setup.sh --email YOUR-ADDRESS'
  if (address === '')
    return [asError('email', 'LETSENCRYPT_EMAIL is not set, so nothing starts', fix)]
  if (!/^[^@\s]+@[^@\s]+\.[^@\s.]+$/.test(address))
    return [asError('email', 'LETSENCRYPT_EMAIL is no e-mail address', fix)]
  if (/@(?:.*\.)?example\.|your|\.(?:invalid|test|local)$/i.test(address))
    return [asError('email', 'LETSENCRYPT_EMAIL is a sample, and the authority refuses those', fix)]
  return []
}

/** The passwords of the documents that people copy from. */
const SAMPLE_HASHES = /H6uskkkW|ruca84Hq|YOUR_HASH|change_this/

export function dashboardPassword({ env, envText = '' }: Deployment): readonly Finding[] {
  const check = 'dashboard_password'
  const users = env['TRAEFIK_DASHBOARD_USERS'] ?? ''
  if (users === '')
    return [asError(check, 'TRAEFIK_DASHBOARD_USERS is not set, so nothing starts', SETUP)]
  if (SAMPLE_HASHES.test(users))
    return [asError(check, 'it is a sample that everybody knows', NEW_PASSWORD)]
  if (users.includes('$$'))
    return [
      asError(
        check,
        'its $ are doubled, which is for the compose file alone',
        'write each $ once, in single quotes; or ' + NEW_PASSWORD,
      ),
    ]
  const isQuoted = /^TRAEFIK_DASHBOARD_USERS='/m.test(envText)
  if (!isQuoted && users.includes('$'))
    return [
      asError(
        check,
        'it is not in single quotes, so compose takes what follows a $ for a variable',
        'put the whole value in single quotes',
      ),
    ]
  const wrong = users
    .split(',')
    .filter((user) => !/^[^:]+:(?:\$2[aby]\$\d\d\$.{53}|\$apr1\$.+|\{SHA\}.+)$/.test(user.trim()))
  if (wrong.length > 0)
    return [asError(check, 'it is no hash that Traefik knows (bcrypt, apr1 or SHA)', NEW_PASSWORD)]
  return []
}

const HOST_NAME = /^(?=.{1,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*$/i

export function domains({ domains: five, dashboard }: Deployment): readonly Finding[] {
  const check = 'domains'
  const all = [...five, dashboard]
  const wrong = all.filter((name) => !HOST_NAME.test(name))
  const twice = all.filter((name, at) => all.indexOf(name) !== at)
  return [
    ...wrong.map((name) =>
      asError(check, `"${name}" is no host name`, 'write it without https://, port and path'),
    ),
    ...twice.map((name) =>
      asError(
        check,
        `${name} is there twice`,
        'give each of DOMAIN1 to DOMAIN5 and DASHBOARD_DOMAIN a name of its own',
      ),
    ),
  ]
}

export function dashboardNetworks({ env }: Deployment): readonly Finding[] {
  const list = env['DASHBOARD_ALLOWED_IPS'] ?? ''
  if (list === '') return []
  const wrong = list.split(',').filter((one) => !isNetwork(one.trim()))
  if (wrong.length === 0) return []
  return [
    asError(
      'dashboard_networks',
      `DASHBOARD_ALLOWED_IPS: "${wrong.join(', ')}" is neither an address nor a network`,
      'write them as 203.0.113.7 or 203.0.113.0/24, with commas between',
    ),
  ]
}

function isNetwork(text: string): boolean {
  const [address = '', bits, ...more] = text.split('/')
  const version = net.isIP(address)
  if (version === 0 || more.length > 0) return false
  return (
    bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128))
  )
}

export function authority({ env }: Deployment): readonly Finding[] {
  const server = env['ACME_CA_SERVER'] || 'https://acme-v02.api.letsencrypt.org/directory'
  const storage = env['ACME_STORAGE'] || 'acme.json'
  const isStaging = server.includes('staging')
  if (!server.startsWith('https://'))
    return [
      asError(
        'authority',
        'ACME_CA_SERVER is no https address',
        "correct it, or empty it to use that of Let's Encrypt",
      ),
    ]
  if (isStaging && storage === 'acme.json')
    return [
      asError(
        'authority',
        'certificates of the staging authority would go into acme.json and stay there',
        'set ACME_STORAGE=acme-staging.json',
      ),
    ]
  if (!isStaging && /staging/.test(storage))
    return [
      asError(
        'authority',
        `ACME_STORAGE is ${storage}, and its certificates are not trusted by browsers`,
        'empty ACME_STORAGE',
      ),
    ]
  if (isStaging)
    return [
      asWarning(
        'authority',
        'browsers do not trust certificates of the staging authority',
        'empty ACME_CA_SERVER and ACME_STORAGE when all works',
      ),
    ]
  return []
}

/** There are two variables because compose 1.29 knows no default that is another variable. */
export function sockets({ env }: Deployment): readonly Finding[] {
  const seen = env['TRAEFIK_SOCKET'] ?? ''
  const isGuarded = env['DOCKER_ENDPOINT']?.startsWith('tcp://socket-guard') === true
  if (isGuarded && seen !== '/dev/null')
    return [
      asError(
        'sockets',
        'Traefik asks the guard, and still has the socket of the engine',
        'set TRAEFIK_SOCKET=/dev/null',
      ),
    ]
  if (!isGuarded && seen === '' && (env['DOCKER_SOCKET'] ?? '') !== '')
    return [
      asError(
        'sockets',
        'DOCKER_SOCKET is set, and Traefik does not see that one',
        `set TRAEFIK_SOCKET=${env['DOCKER_SOCKET'] ?? ''}`,
      ),
    ]
  return []
}
