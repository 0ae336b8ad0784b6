// scripts/setup.sh in a folder of its own.
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { readEnvFile } from '../../src/config/env-file.ts'
import { weakness } from '../../src/config/secret-strength.ts'
import { run } from '../edge/shell.ts'
import { root } from '../support/gateway-process.ts'

const owner = `${process.getuid?.() ?? 0}:${process.getgid?.() ?? 0}`
let dir: string
beforeEach(() => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-setup-'))
  for (const name of ['.env.example', 'docker-compose.prod.yml'])
    fs.copyFileSync(path.join(root, name), path.join(dir, name))
})
afterEach(() => {
  fs.rmSync(dir, { recursive: true, force: true })
})

const setup = (...args: string[]) =>
  run(path.join(root, 'scripts/setup.sh'), args, {
    cwd: os.tmpdir(),
    env: { PATH: process.env['PATH'] ?? '', HOME: dir, TOLLGATE_DIR: dir, GATEWAY_USER: owner },
  })
const written = () => readEnvFile(fs.readFileSync(path.join(dir, '.env'), 'utf8'))
const modeOf = (name: string) => (fs.statSync(path.join(dir, name)).mode & 0o777).toString(8)

test('it writes settings with secrets that the gateway takes, for their owner alone', async () => {
  const made = await setup('--email', 'ops@tollgate.dev')
  expect(made.code, made.stderr).toBe(0)
  const env = written()
  expect(weakness(env['ADMIN_FIRST'] ?? '')).toBeUndefined()
  expect(weakness(env['JWT_SECRET_KEY'] ?? '')).toBeUndefined()
  expect(env['LETSENCRYPT_EMAIL']).toBe('ops@tollgate.dev')
  expect(env['TRAEFIK_DASHBOARD_USERS']).toMatch(/^admin:\$(?:2y|apr1)\$/)
  expect([modeOf('.env'), modeOf('letsencrypt')]).toEqual(['600', '700'])
  expect(made.stdout).not.toContain(env['ADMIN_FIRST'])
  // A password that was made is shown once, and not kept.
  const password = /shown once\): (\S+)/.exec(made.stderr)?.[1] ?? ''
  expect(password.length).toBeGreaterThanOrEqual(20)
  expect(JSON.stringify(env)).not.toContain(password)
})

test('run again it changes nothing, and what was set before stays', async () => {
  fs.writeFileSync(path.join(dir, '.env'), 'OPENAI_API_KEY="sk-a#b$c"\nADMIN_FIRST=mine\n')
  await setup('--email', 'ops@tollgate.dev')
  const first = written()
  expect(first).toMatchObject({ OPENAI_API_KEY: 'sk-a#b$c', ADMIN_FIRST: 'mine' })
  const again = await setup('--json')
  expect(JSON.parse(again.stdout)).toMatchObject({ made: [] })
  expect(written()).toEqual(first)
})

test('the check names what is still missing or a sample, and ends with 1', async () => {
  fs.writeFileSync(
    path.join(dir, '.env'),
    "LETSENCRYPT_EMAIL=admin@example.com\nADMIN_FIRST=your_secure_master_token_here\nTRAEFIK_DASHBOARD_USERS='admin:$apr1$H6uskkkW$x'\n",
  )
  const checked = await setup('--check', '--no-network', '--json')
  expect(checked.code).toBe(1)
  const rows = JSON.parse(checked.stdout) as { check: string; ok: boolean; fix: string }[]
  const wrong = rows.filter(({ ok }) => !ok)
  const names = wrong.map(({ check }) => check)
  for (const name of ['.env', 'email', 'dashboard', 'secrets', 'folder db'])
    expect(names).toContain(name)
  expect(wrong.every(({ fix }) => fix !== '')).toBe(true)
})

/** What the check asks outside of the folder: the engine, name servers, and how much room there is. */
const WORLD = {
  docker: 'exit 0',
  'docker-compose': 'exit 1', // version 2 is a plugin of docker
  getent: 'echo 203.0.113.7 STREAM',
  df: 'printf "Filesystem\\n/dev/x 9 9 9999999 1%% /\\n"',
}
type World = Readonly<Partial<Record<keyof typeof WORLD, string>>>
type Row = Readonly<{ check: string; ok: boolean; message: string; fix: string }>

async function check(world: World = {}): Promise<{ code: number; wrong: readonly Row[] }> {
  const bin = path.join(dir, 'bin')
  fs.mkdirSync(bin)
  for (const [name, body] of Object.entries({ ...WORLD, ...world }))
    fs.writeFileSync(path.join(bin, name), `#!/bin/sh\n${body}\n`, { mode: 0o755 })
  const env = { PATH: `${bin}:${process.env['PATH'] ?? ''}`, HOME: dir, TOLLGATE_DIR: dir }
  const script = path.join(root, 'scripts/setup.sh')
  const checked = await run(script, ['--check', '--json'], {
    env: { ...env, GATEWAY_USER: owner },
  })
  const rows = JSON.parse(checked.stdout) as Row[]
  // Whether the ports are free is this machine's business.
  const wrong = rows.filter((row) => !row.ok && !row.check.startsWith('port '))
  return { code: checked.code, wrong }
}

const RIGHT = `LETSENCRYPT_EMAIL=ops@tollgate.dev
TRAEFIK_DASHBOARD_USERS='admin:$apr1$abcdefgh$ABCDEFGHIJKLMNOPQRSTU.'
ADMIN_FIRST=r-udbjWxKXetfPl74ydQV7MyeXGtg690QT1NndXoJMk
JWT_SECRET_KEY=Zq8vS2mTt1cWw5yB7nE3uK9xR4hL6pDf0aGjQkXoViU
`

function makeRight(): void {
  fs.writeFileSync(path.join(dir, '.env'), RIGHT, { mode: 0o600 })
  for (const folder of ['db', 'logs', 'backups']) fs.mkdirSync(path.join(dir, folder))
}

/** The line of a variable, another one. */
function settle(line: string): void {
  const [name = ''] = line.split('=')
  const file = path.join(dir, '.env')
  const lines = fs.readFileSync(file, 'utf8').split('\n')
  const others = lines.filter((one) => !one.startsWith(`${name}=`))
  fs.writeFileSync(file, [...others, line, ''].join('\n'))
}

test('the check has nothing against what setup.sh made', async () => {
  await setup('--email', 'ops@tollgate.dev')
  expect((await check()).wrong).toEqual([])
})

type Seeded = readonly [string, () => World | undefined, string, RegExp]
const env = (line: string) => () => {
  settle(line)
  return undefined
}
const world = (one: World) => () => one
const SEEDED: readonly Seeded[] = [
  [
    'no engine answers',
    world({ docker: '[ "$1" = compose ]' }),
    'engine',
    /systemctl start docker/,
  ],
  [
    'there is no compose',
    world({ docker: '[ "$1" != compose ]' }),
    'compose',
    /docker-compose-plugin/,
  ],
  [
    'there is no .env',
    () => {
      fs.rmSync(path.join(dir, '.env'))
      return undefined
    },
    '.env',
    /setup\.sh/,
  ],
  [
    'others can read .env',
    () => {
      fs.chmodSync(path.join(dir, '.env'), 0o644)
      return undefined
    },
    '.env',
    /chmod 600/,
  ],
  ['there is no e-mail address', env('LETSENCRYPT_EMAIL='), 'email', /--email/],
  ['it is a sample', env('LETSENCRYPT_EMAIL=admin@example.com'), 'email', /your own/],
  ['it is no address', env('LETSENCRYPT_EMAIL=me'), 'email', /your own/],
  ['nobody may open the dashboard', env('TRAEFIK_DASHBOARD_USERS='), 'dashboard', /setup\.sh/],
  [
    'its password is a sample',
    env("TRAEFIK_DASHBOARD_USERS='admin:$apr1$H6uskkkW$x'"),
    'dashboard',
    /new-dashboard-password/,
  ],
  ['its hash is none', env('TRAEFIK_DASHBOARD_USERS=a:b'), 'dashboard', /new-dashboard-password/],
  ['the master key is a sample', env('ADMIN_FIRST=your_secure_master_token'), 'secrets', /empty/],
  ['the secret of sessions is one', env('JWT_SECRET_KEY=change_me'), 'secrets', /empty/],
  [
    'a folder is missing',
    () => {
      fs.rmdirSync(path.join(dir, 'backups'))
      return undefined
    },
    'folder backups',
    /setup\.sh/,
  ],
  [
    'the disk is full',
    world({ df: 'printf "Filesystem\\n/dev/x 9 9 2000 99%% /\\n"' }),
    'disk',
    /2 GiB/,
  ],
  [
    'a name has no address',
    world({ getent: '[ "$2" = assistant.yee.pw ] || echo 203.0.113.7' }),
    'name assistant.yee.pw',
    /A record/,
  ],
  [
    'a name leads elsewhere',
    world({ getent: 'case $2 in assistant*) echo 198.51.100.1 ;; *) echo 203.0.113.7 ;; esac' }),
    'name assistant.yee.pw',
    /correct its A record/,
  ],
]

test.each(SEEDED)('the check says what to do when %s', async (_, spoil, name, fix) => {
  makeRight()
  const { code, wrong } = await check(spoil())
  expect(wrong.map((row) => row.check)).toEqual([name])
  expect(wrong[0]?.fix).toMatch(fix)
  expect(code).toBe(1)
})
