// Let's Encrypt's own test authority, Pebble, with a name server that says what it is told.
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import https from 'node:https'
import path from 'node:path'
import { must, until } from './shell.ts'

export type Authority = Readonly<{
  directory: string
  /** What the server of the authority itself shows: for those who ask it. */
  serverRoot: string
  /** What its certificates come from; anew at each start. */
  root: () => Promise<string>
  breakName: (name: string) => Promise<void>
  healName: (name: string) => Promise<void>
  stop: () => void
}>

/** The name of this machine, as containers of podman know it. */
export const HOST = 'host.containers.internal'

/** Pebble looks at port 443 of this machine for every name. */
export async function startAuthority(folder: string): Promise<Authority> {
  fs.mkdirSync(folder, { recursive: true })
  await makeServerCertificate(folder)
  const config = {
    pebble: {
      ...{ listenAddress: '0.0.0.0:14000', managementListenAddress: '127.0.0.1:15000' },
      ...{
        certificate: path.join(folder, 'server.crt'),
        privateKey: path.join(folder, 'server.key'),
      },
      ...{
        httpPort: 80,
        tlsPort: 443,
        ocspResponderURL: '',
        externalAccountBindingRequired: false,
      },
    },
  }
  fs.writeFileSync(path.join(folder, 'pebble.json'), JSON.stringify(config))
  const log = fs.openSync(path.join(folder, 'pebble.log'), 'w')
  const names = spawn(
    'pebble-challtestsrv',
    [
      '-http01',
      '',
      '-https01',
      '',
      '-tlsalpn01',
      '',
      '-dns01',
      '127.0.0.1:8053',
      '-management',
      '127.0.0.1:8055',
      '-defaultIPv6',
      '',
    ],
    { stdio: ['ignore', log, log] },
  )
  const pebble = spawn(
    'pebble',
    ['-config', path.join(folder, 'pebble.json'), '-dnsserver', '127.0.0.1:8053'],
    {
      env: { ...process.env, PEBBLE_VA_NOSLEEP: '1', PEBBLE_WFE_NONCEREJECT: '0' },
      stdio: ['ignore', log, log],
    },
  )
  const serverRoot = fs.readFileSync(path.join(folder, 'ca.crt'), 'utf8')
  const root = () => textFrom('https://localhost:15000/roots/0', serverRoot)
  await until(() => root().then(undefined, () => undefined), { what: 'Pebble' })
  return {
    ...{ directory: `https://${HOST}:14000/dir`, serverRoot, root },
    breakName: (name) => tellNames('set-servfail', name),
    healName: (name) => tellNames('clear-servfail', name),
    stop() {
      pebble.kill()
      names.kill()
    },
  }
}

async function tellNames(what: string, name: string): Promise<void> {
  const answer = await fetch(`http://127.0.0.1:8055/${what}`, {
    method: 'POST',
    body: JSON.stringify({ host: name }),
  })
  if (!answer.ok) throw new Error(`${what} ${name}: ${answer.status}`)
}

async function makeServerCertificate(folder: string): Promise<void> {
  const at = (name: string) => path.join(folder, name)
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  await must('openssl', [
    'req',
    '-x509',
    ...key,
    '-days',
    '2',
    '-subj',
    '/CN=edge test',
    '-keyout',
    at('ca.key'),
    '-out',
    at('ca.crt'),
  ])
  await must('openssl', [
    'req',
    ...key,
    '-subj',
    '/CN=localhost',
    '-keyout',
    at('server.key'),
    '-out',
    at('server.csr'),
  ])
  fs.writeFileSync(at('names.txt'), `subjectAltName=DNS:localhost,DNS:${HOST}\n`)
  const ca = ['-CA', at('ca.crt'), '-CAkey', at('ca.key'), '-CAcreateserial', '-days', '2']
  await must('openssl', [
    'x509',
    '-req',
    '-in',
    at('server.csr'),
    ...ca,
    '-extfile',
    at('names.txt'),
    '-out',
    at('server.crt'),
  ])
}

function textFrom(url: string, ca: string): Promise<string> {
  return new Promise((resolve, reject) => {
    https
      .get(url, { ca, timeout: 5_000 }, (answer) => {
        let text = ''
        answer.on('data', (piece: Buffer) => (text += piece.toString()))
        answer.on('end', () => {
          resolve(text)
        })
      })
      .on('error', reject)
  })
}
