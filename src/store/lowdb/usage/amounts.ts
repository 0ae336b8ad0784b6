import { micro, type MicroCredits } from '../../../domain/money.ts'

/**
 * An amount up to 9e18 as two whole numbers that a double holds exactly: how many times 2^32, and the rest. Sums of
 * either stay exact for two million amounts.
 */
const SPLIT = 4_294_967_296

export type Split = Readonly<{ high: number; low: number }>

export function splitAmount(text: string): Split {
  if (text.length > 15) {
    const amount = BigInt(text)
    return { high: Number(amount >> 32n), low: Number(amount & 0xffff_ffffn) }
  }
  const amount = Number(text)
  const high = Math.floor(amount / SPLIT)
  return { high, low: amount - high * SPLIT }
}

export const joinAmount = ({ high, low }: Split): MicroCredits =>
  micro((BigInt(high) << 32n) + BigInt(low))
