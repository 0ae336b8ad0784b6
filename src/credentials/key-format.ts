import { crc32 } from 'node:zlib'

/**
 * `tg-`, 256 random bits in base62, and six characters of checksum: secret scanners recognise it, and the command line
 * can tell a typo. The server looks every secret up all the same, so that each wrong key takes the same path.
 */
const PREFIX = 'tg-'
const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const BODY_LENGTH = 43
const CHECKSUM_LENGTH = 6

export function formatKey(random: Uint8Array): string {
  const body = base62(BigInt(`0x${Buffer.from(random).toString('hex')}`), BODY_LENGTH)
  return `${PREFIX}${body}${checksum(body)}`
}

/** Whether a secret has the form of a key that was typed or copied whole. */
export function isWholeKey(secret: string): boolean {
  const body = secret.slice(PREFIX.length, PREFIX.length + BODY_LENGTH)
  return secret.startsWith(PREFIX) && secret.slice(PREFIX.length + BODY_LENGTH) === checksum(body)
}

const checksum = (body: string): string => base62(BigInt(crc32(body)), CHECKSUM_LENGTH)

function base62(value: bigint, length: number): string {
  let text = ''
  let rest = value
  while (text.length < length) {
    text = (DIGITS[Number(rest % 62n)] ?? '') + text
    rest /= 62n
  }
  return text
}
