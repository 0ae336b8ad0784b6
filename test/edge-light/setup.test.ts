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
