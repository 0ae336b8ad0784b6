import { generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto'

/**
 * Certificates made on the spot, because Node reads them and does not make them: just enough of X.509 for a server, and
 * no key is ever kept in a file.
 */
export type TlsKind = 'good' | 'expired' | 'wrong-host' | 'self-signed'
export const TLS_KINDS: readonly TlsKind[] = ['good', 'expired', 'wrong-host', 'self-signed']

export type Certified = Readonly<{
  key: string
  cert: string
  /** Whom a client has to trust for it to be good. */
  ca: string
}>

const DAY_MS = 86_400_000

export function certify(kind: TlsKind): Certified {
  const authority = keyPair()
  const server = keyPair()
  const now = Date.now()
  const ca = certificate({
    ...{
      subject: 'fault authority',
      issuer: 'fault authority',
      isAuthority: true,
      host: undefined,
    },
    ...{ publicKey: authority.publicKey, signedBy: authority.privateKey },
    ...{ from: now - 10 * DAY_MS, until: now + 10 * DAY_MS },
  })
  const isSelfSigned = kind === 'self-signed'
  const cert = certificate({
    subject: 'localhost',
    issuer: isSelfSigned ? 'localhost' : 'fault authority',
    isAuthority: false,
    host: kind === 'wrong-host' ? 'elsewhere.example' : 'localhost',
    publicKey: server.publicKey,
    signedBy: isSelfSigned ? server.privateKey : authority.privateKey,
    from: now - 5 * DAY_MS,
    until: kind === 'expired' ? now - DAY_MS : now + 5 * DAY_MS,
  })
  const key = server.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  return { key, cert, ca }
}

const keyPair = () => generateKeyPairSync('ec', { namedCurve: 'P-256' })

type Wanted = Readonly<{
  subject: string
  issuer: string
  isAuthority: boolean
  host: string | undefined
  publicKey: KeyObject
  signedBy: KeyObject
  from: number
  until: number
}>

function certificate(wanted: Wanted): string {
  const { subject, issuer, isAuthority, host, publicKey, signedBy, from, until } = wanted
  const names =
    host === undefined ? [] : [extension('551d11', sequence(tlv(0x82, Buffer.from(host))))]
  const constraints = sequence(...(isAuthority ? [tlv(0x01, Buffer.of(0xff))] : []))
  const toBeSigned = sequence(
    tlv(0xa0, integer(Buffer.of(2))), // version 3
    integer(Buffer.concat([Buffer.of(1), randomBytes(8)])),
    ECDSA_SHA256,
    name(issuer),
    sequence(time(from), time(until)),
    name(subject),
    publicKey.export({ type: 'spki', format: 'der' }),
    tlv(0xa3, sequence(extension('551d13', constraints), ...names)),
  )
  const signature = tlv(0x03, Buffer.of(0), sign('sha256', toBeSigned, signedBy))
  const bytes = sequence(toBeSigned, ECDSA_SHA256, signature).toString('base64')
  const lines = bytes.match(/.{1,64}/g) ?? []
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n')
}

/** Tag, length, value: all that DER is. */
function tlv(tag: number, ...contents: readonly Buffer[]): Buffer {
  const content = Buffer.concat(contents)
  const { length } = content
  const size =
    length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...size]), content])
}

const sequence = (...contents: readonly Buffer[]): Buffer => tlv(0x30, ...contents)
const integer = (bytes: Buffer): Buffer => tlv(0x02, bytes)
const identifier = (hex: string): Buffer => tlv(0x06, Buffer.from(hex, 'hex'))
const ECDSA_SHA256 = sequence(identifier('2a8648ce3d040302'))
const extension = (id: string, value: Buffer): Buffer => sequence(identifier(id), tlv(0x04, value))

const name = (common: string): Buffer =>
  sequence(tlv(0x31, sequence(identifier('550403'), tlv(0x0c, Buffer.from(common)))))

/** As `YYYYMMDDHHMMSSZ`. */
const time = (ms: number): Buffer =>
  tlv(0x18, Buffer.from(`${new Date(ms).toISOString().replace(/\D/g, '').slice(0, 14)}Z`))
