// What other programs say of our files, where they are installed. Without them these tests are skipped, with the reason.
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { expect, test } from 'vitest'
import { COMPOSE } from '../support/compose-file.ts'
import { root } from '../support/gateway-process.ts'

const runs = (command: string, args: readonly string[]) =>
  spawnSync(command, args, { stdio: 'ignore' }).status === 0

function shellScripts(folder: string): string[] {
  return fs
    .readdirSync(path.join(root, folder), { withFileTypes: true })
    .flatMap((entry) =>
      entry.isDirectory()
        ? shellScripts(path.join(folder, entry.name))
        : entry.name.endsWith('.sh')
          ? [path.join(folder, entry.name)]
          : [],
    )
}

const scripts = shellScripts('scripts')

test('shell scripts stop at the first error and say how they are used', () => {
  for (const name of scripts) {
    const text = fs.readFileSync(path.join(root, name), 'utf8')
    expect(text, name).toMatch(/^#!\/usr\/bin\/env bash\n/)
    expect(text, name).toMatch(/^set -euo pipefail$/m)
    expect(text, name).toContain('--help')
    expect(fs.statSync(path.join(root, name)).mode & 0o111, name).not.toBe(0)
  }
})

test('shell scripts know their help from any folder', () => {
  for (const name of scripts) {
    const asked = spawnSync(path.join(root, name), ['--help'], {
      cwd: os.tmpdir(),
      encoding: 'utf8',
    })
    expect(asked.stderr, name).toBe('')
    expect(asked.status, name).toBe(0)
    expect(asked.stdout, name).toContain(path.basename(name))
  }
})

const hasShellcheck = runs('shellcheck', ['--version'])
test.skipIf(!hasShellcheck)('shellcheck has nothing to say (needs shellcheck)', () => {
  const { stdout } = spawnSync('shellcheck', ['-x', ...scripts], { cwd: root, encoding: 'utf8' })
  expect(stdout).toBe('')
})

const COMPOSERS = [
  ['docker-compose', []],
  ['docker', ['compose']],
] as const
test.for(COMPOSERS)('%s takes the file as it is (needs it)', ([command, first], context) => {
  if (!runs(command, [...first, 'version']))
    context.skip(`\`${[command, ...first].join(' ')}\` is not installed`)
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-compose-'))
  try {
    fs.copyFileSync(path.join(root, COMPOSE), path.join(dir, COMPOSE))
    const users = "TRAEFIK_DASHBOARD_USERS='ops:$2y$05$abcdef/GHI.jkl'"
    fs.writeFileSync(path.join(dir, '.env'), `LETSENCRYPT_EMAIL=ops@tollgate.dev\n${users}\n`)
    const made = spawnSync(command, [...first, '-f', COMPOSE, 'config'], {
      cwd: dir,
      encoding: 'utf8',
    })
    expect(made.stderr).toBe('')
    // Printed as compose would read it again: each $ twice.
    expect(made.stdout).toContain('ops:$$2y$$05$$abcdef/GHI.jkl')
  } finally {
    fs.rmSync(dir, { recursive: true, force: true })
  }
})
