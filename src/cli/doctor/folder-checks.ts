// Folders and files beside the compose file: who they belong to, and whether there is room.
import fs from 'node:fs'
import { asError, asWarning, statIn, textIn, type Deployment, type Finding } from './deployment.ts'

const SETUP = 'run scripts/setup.sh'

export function folders({ dir, env }: Deployment): readonly Finding[] {
  const user = env['GATEWAY_USER'] || '65532:65532'
  const [uid = '', gid = uid] = user.split(':')
  return ['db', 'logs', 'backups'].flatMap((name) => {
    const stat = statIn(dir, name)
    if (stat === undefined)
      return [asError('folders', `${name} is not there; Docker would make it for root`, SETUP)]
    if (!stat.isDirectory())
      return [asError('folders', `${name} is no folder`, 'move it away, and ' + SETUP)]
    const isOwned = String(stat.uid) === uid
    const isShared = String(stat.gid) === gid && (stat.mode & 0o070) === 0o070
    if (isOwned || isShared) return []
    return [
      asError(
        'folders',
        `${name} belongs to ${stat.uid}:${stat.gid}, and the gateway is ${user}: it cannot write there (EACCES)`,
        `sudo chown -R ${user} ${name}`,
      ),
    ]
  })
}

export function certificateFile({ dir, env }: Deployment): readonly Finding[] {
  const check = 'certificate_file'
  const name = `letsencrypt/${env['ACME_STORAGE'] || 'acme.json'}`
  const folder = statIn(dir, 'letsencrypt')
  if (folder === undefined) return [asError(check, 'letsencrypt is not there', SETUP)]
  const file = statIn(dir, name)
  if (file === undefined) return [] // Traefik makes it
  if (file.isDirectory())
    return [
      asError(
        check,
        `${name} is a folder, as Docker makes one of a file that is missing`,
        `rmdir ${name}; Traefik makes the file itself`,
      ),
    ]
  if ((file.mode & 0o077) !== 0)
    return [
      asError(check, `${name} can be read by others, so Traefik refuses it`, `chmod 600 ${name}`),
    ]
  const text = textIn(dir, name)
  if (text === undefined || text === '') return []
  try {
    JSON.parse(text)
    return []
  } catch {
    return [
      asError(
        check,
        `${name} is damaged`,
        `stop Traefik and bring it back: scripts/restore.sh --certs backups/backup-certs-….tar.gz; or remove it, at the price of new certificates`,
      ),
    ]
  }
}

const FREE_BYTES_MIN = 2 * 2 ** 30

export function room({ dir }: Deployment): readonly Finding[] {
  const { bavail, bsize } = fs.statfsSync(dir)
  if (bavail * bsize >= FREE_BYTES_MIN) return []
  return [
    asWarning(
      'room',
      `only ${Math.floor((bavail * bsize) / 2 ** 20)} MiB are free here`,
      'make room: docker image prune, old backups, old segments of the journal (archive.to)',
    ),
  ]
}

export function lastBackup({ dir }: Deployment): readonly Finding[] {
  const isRunning = statIn(dir, 'db/journal') !== undefined
  const names =
    statIn(dir, 'backups')?.isDirectory() === true ? fs.readdirSync(`${dir}/backups`) : []
  const times = names
    .filter((name) => /\.tar\.gz(?:\.enc)?$/.test(name))
    .map((name) => statIn(dir, `backups/${name}`)?.mtimeMs ?? 0)
  const fix = 'scripts/backup.sh, every night by cron'
  if (!isRunning) return []
  if (times.length === 0) return [asWarning('backup', 'there is no backup', fix)]
  const days = (Date.now() - Math.max(...times)) / 86_400_000
  return days < 7
    ? []
    : [asWarning('backup', `the last backup is ${Math.floor(days)} days old`, fix)]
}
