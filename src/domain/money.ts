/** Millionths of a credit: the only unit in which money is counted. */
export type MicroCredits = bigint & { readonly __unit: 'micro-credits' }

export const micro = (value: bigint): MicroCredits => value as MicroCredits
export const plus = (a: MicroCredits, b: MicroCredits): MicroCredits => micro(a + b)
export const minus = (a: MicroCredits, b: MicroCredits): MicroCredits => micro(a - b)
export const least = (a: MicroCredits, b: MicroCredits): MicroCredits => (a < b ? a : b)
export const most = (a: MicroCredits, b: MicroCredits): MicroCredits => (a > b ? a : b)

export const ZERO = micro(0n)
/** 9e12 credits: beyond it an amount is a mistake, and a balance would leave the range of a 64-bit integer. */
export const MICRO_MAX = micro(9_000_000_000_000_000_000n)

const AMOUNT = /^(0|[1-9][0-9]{0,12})(?:\.([0-9]{1,6}))?$/

/** Reads credits as people write them ("12.5") or a whole JSON number; undefined when it is neither. */
export function parseCredits(value: unknown): MicroCredits | undefined {
  if (typeof value === 'number' && !Number.isSafeInteger(value)) return undefined
  if (typeof value !== 'string' && typeof value !== 'number') return undefined
  const match = AMOUNT.exec(Object.is(value, -0) ? '-0' : String(value))
  if (match === null) return undefined
  const amount = BigInt(match[1] ?? '0') * 1_000_000n + BigInt((match[2] ?? '').padEnd(6, '0'))
  return amount > MICRO_MAX ? undefined : micro(amount)
}

/** The same with a minus in front, or a negative whole number, for what is taken. */
export function parseSignedCredits(value: unknown): MicroCredits | undefined {
  const size = oppositeOf(value)
  if (size === undefined) return parseCredits(value)
  const amount = parseCredits(size)
  return amount === undefined ? undefined : minus(ZERO, amount)
}

/** What stands behind the minus; undefined where there is none. */
function oppositeOf(value: unknown): unknown {
  if (typeof value === 'number') return value < 0 ? -value : undefined
  return typeof value === 'string' && value.startsWith('-') ? value.slice(1) : undefined
}

/** Credits as a decimal string without trailing zeros: "10000", "0.5", "-0.000001". */
export function formatCredits(amount: MicroCredits): string {
  if (amount < 0n) return `-${formatCredits(micro(0n - amount))}`
  const digits = amount.toString().padStart(7, '0')
  let end = digits.length
  while (end > digits.length - 6 && digits.charCodeAt(end - 1) === ZERO_DIGIT) end--
  const whole = digits.slice(0, -6)
  return end === digits.length - 6 ? whole : `${whole}.${digits.slice(-6, end)}`
}

const ZERO_DIGIT = 0x30
