// Prometheus and Alertmanager under the names of the compose file: Debian's programs, the libraries that they load, and
// the user and folder of the real images.
import fs from 'node:fs'
import path from 'node:path'
import { readCompose } from '../support/compose-file.ts'
import type { Making } from './images.ts'
import { must } from './shell.ts'

const NOBODY = 65534

const PROGRAMS = [
  { service: 'prometheus', program: '/usr/bin/prometheus', data: 'prometheus' },
  { service: 'alertmanager', program: '/usr/bin/prometheus-alertmanager', data: 'alertmanager' },
] as const

export async function makeObservability({ cache, engine, say }: Making): Promise<void> {
  const { services } = readCompose({ LETSENCRYPT_EMAIL: 'x', TRAEFIK_DASHBOARD_USERS: 'x' })
  for (const { service, program, data } of PROGRAMS) {
    const image = services[service]?.image ?? ''
    say(image)
    const folder = path.join(cache, service)
    const put = (from: string, to = from) => {
      const file = path.join(folder, 'root', to)
      fs.mkdirSync(path.dirname(file), { recursive: true })
      fs.copyFileSync(from, file)
    }
    fs.rmSync(folder, { recursive: true, force: true })
    put(program, `bin/${service}`)
    for (const [library] of (await must('ldd', [program])).matchAll(/\/[^\s)]+/g)) put(library)
    fs.mkdirSync(path.join(folder, 'data'))
    fs.writeFileSync(
      path.join(folder, 'Dockerfile'),
      `FROM scratch\nCOPY root /\nCOPY --chown=${NOBODY}:${NOBODY} data /${data}\nUSER ${NOBODY}\n` +
        `WORKDIR /${data}\nENTRYPOINT ["/bin/${service}"]\n`,
    )
    const name = `docker.io/${image}`
    await engine.podman(['build', '--quiet', '--tag', name, folder], 300_000)
  }
}
