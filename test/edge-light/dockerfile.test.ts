// The rules that our Dockerfile keeps.
import { expect, test } from 'vitest'
import { textOf } from '../support/compose-file.ts'

const lines = textOf('Dockerfile')
  .replace(/\\\n\s*/g, '')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'))
const stages = lines
  .join('\n')
  .split(/^(?=FROM )/m)
  .slice(1)
const runtime = stages.at(-1) ?? ''
const defaultOf = (name: string) =>
  lines.find((line) => line.startsWith(`ARG ${name}=`))?.split('=')[1]

test('it is built with Node 24 on Debian 12 and run without a shell', () => {
  expect(stages).toHaveLength(2)
  expect(defaultOf('NODE_IMAGE')).toBe('node:24-bookworm-slim')
  expect(defaultOf('RUNTIME_IMAGE')).toBe('gcr.io/distroless/nodejs24-debian12:nonroot')
  expect(runtime).not.toMatch(/^(?:RUN|SHELL|ADD) /m)
})

test('packages are those of the lock file, and none of them runs a script', () => {
  const installs = lines.filter((line) => /npm (?:i|install|ci|prune)\b/.test(line))
  expect(installs).toHaveLength(2)
  for (const line of installs) expect(line).toContain('--ignore-scripts')
  expect(installs[0]).toContain('npm ci')
  expect(installs[1]).toContain('npm prune --omit=dev')
})

test('it runs as a number that is nobody, so that a read-only folder and a policy can tell', () => {
  expect(runtime.match(/^USER (.*)$/gm)).toEqual(['USER 65532:65532'])
})

test('it is asked for its health by Node itself, often enough for Traefik', () => {
  expect(runtime).toMatch(
    /^HEALTHCHECK --interval=5s .*CMD \["\/nodejs\/bin\/node", "\/app\/scripts\/healthcheck\.js"\]$/m,
  )
  expect(runtime).not.toMatch(/curl|wget/)
})

test('the entry point of the image is node, so the command is a script alone', () => {
  expect(runtime).toMatch(/^CMD \["dist\/main\.js"\]$/m)
  expect(runtime).not.toMatch(/^ENTRYPOINT/m)
  expect(runtime).toMatch(/^ENV .*PATH=\/nodejs\/bin:/m)
})

test('what goes into the image is listed, so that nothing else can', () => {
  const ignore = textOf('.dockerignore').split('\n')
  expect(ignore.filter((line) => line !== '' && !line.startsWith('#'))[0]).toBe('*')
  const allowed = ignore.filter((line) => line.startsWith('!')).map((line) => line.slice(1))
  for (const [, source = ''] of lines.join('\n').matchAll(/^COPY (?!--from)(.*) \S+$/gm))
    for (const name of source.split(' ')) expect(allowed).toContain(name)
  expect(allowed.join(' ')).not.toMatch(/\.env|db|logs|letsencrypt|test/)
})
