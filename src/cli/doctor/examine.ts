import type { Deployment, Finding } from './deployment.ts'
import * as edge from './edge-checks.ts'
import { engine } from './engine-checks.ts'
import * as folder from './folder-checks.ts'
import * as program from './program-checks.ts'
import * as settings from './settings-checks.ts'

type Check = (deployment: Deployment) => readonly Finding[] | Promise<readonly Finding[]>

const READING: Readonly<Record<string, Check>> = {
  'the file .env': settings.envFile,
  "the address for Let's Encrypt": settings.email,
  'the password of the dashboard': settings.dashboardPassword,
  'who may see the dashboard': settings.dashboardNetworks,
  'the six names': settings.domains,
  'the authority of the certificates': settings.authority,
  'the socket of the engine': settings.sockets,
  "Traefik's version": program.traefikImage,
  memory: program.memory,
  'the configuration of the gateway': program.configuration,
  'folders and their owners': folder.folders,
  'the file of the certificates': folder.certificateFile,
  'room on the disk': folder.room,
  backups: folder.lastBackup,
}
const ASKING: Readonly<Record<string, Check>> = {
  'the engine and the containers': engine,
  'where the names lead': edge.names,
  certificates: edge.certificates,
  'what the domains answer': edge.answers,
}

export type Examined = Readonly<{ what: string; found: readonly Finding[] }>

/** One check after the other, each told as soon as it is done. */
export async function* examine(
  deployment: Deployment,
  { isOffline }: { isOffline: boolean },
): AsyncGenerator<Examined> {
  const wanted = Object.entries(isOffline ? READING : { ...READING, ...ASKING })
  // Without settings all the others would only tell of their absence.
  const first = deployment.envText === undefined ? wanted.slice(0, 1) : wanted
  for (const [what, check] of first) {
    yield { what, found: await check(deployment) }
  }
}
