import type { Acted } from './entry.ts'
import type { MicroCredits } from './money.ts'

/**
 * A redemption code: whoever sends it first has its credit. It is written in an alphabet without look-alikes, in groups of
 * five, and its last two characters are a checksum that finds any wrong character and any two that changed places.
 */
export type CodeEntry = Acted & {
  readonly kind: 'code'
  readonly ref: string
  /** Codes that were made together. */
  readonly series: string
  /** SHA-256 of the code, in hex. */
  readonly hash: string
  /** Its last characters, to recognise it by. */
  readonly hint: string
  readonly amount: string
  readonly expiresAt?: number
  readonly note?: string
}

export type CodeRevokedEntry = Acted & { readonly kind: 'code-revoked'; readonly ref: string }

export type CodeRecord = Readonly<{
  id: string
  series: string
  hash: string
  hint: string
  amount: string
  createdAt: number
  by?: string
  expiresAt?: number
  note?: string
  revokedAt?: number
  redeemedAt?: number
  redeemedBy?: string
}>

export const CODE_STATES = ['open', 'redeemed', 'revoked', 'expired'] as const
export type CodeState = (typeof CODE_STATES)[number]

export function codeState(code: CodeRecord, nowMs: number): CodeState {
  if (code.redeemedAt !== undefined) return 'redeemed'
  if (code.revokedAt !== undefined) return 'revoked'
  return code.expiresAt !== undefined && code.expiresAt <= nowMs ? 'expired' : 'open'
}

/** What both sides of an invitation get; zero is nothing. */
export type InvitationBonus = Readonly<{ inviter: MicroCredits; invited: MicroCredits }>

const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const BODY_LENGTH = 18
/** A prime: no single wrong character, nor two in each other's place, come out at the same remainder. */
const MODULUS = 1_021n

/** As people get it, of 90 random bits. */
export function formatCode(random: bigint): string {
  const text = base32(random, BODY_LENGTH)
  return (text + checksum(text)).replace(/.{5}(?=.)/g, '$&-')
}

/** Without dashes, spaces and look-alikes; undefined when it was not typed or copied whole. */
export function readCode(typed: string): string | undefined {
  const text = typed.toUpperCase().replace(/[\s-]/g, '').replace(/O/g, '0').replace(/[IL]/g, '1')
  const isWhole = /^[0-9A-HJKMNP-TV-Z]{20}$/.test(text)
  return isWhole && checksum(text.slice(0, BODY_LENGTH)) === text.slice(BODY_LENGTH)
    ? text
    : undefined
}

function checksum(body: string): string {
  let value = 0n
  for (const one of body) value = value * 32n + BigInt(ALPHABET.indexOf(one))
  return base32(value % MODULUS, 2)
}

function base32(value: bigint, length: number): string {
  let text = ''
  for (let rest = value; text.length < length; rest /= 32n)
    text = (ALPHABET[Number(rest % 32n)] ?? '') + text
  return text
}
