import type { Item, Line } from './audit-line.ts'

/**
 * What a settle must have cost, by the price and the usage that the journal has, computed apart from the code that
 * charged it; undefined when they do not say. A gateway that died left its last note of the cost instead.
 */
export function dueFor(
  { outcome, cost, usage = {} }: Line,
  price: Item | undefined,
  noted: string | undefined,
): bigint | undefined {
  if (price === undefined) return undefined
  if (outcome === 'killed') return noted === undefined ? undefined : BigInt(noted)
  const used = Object.entries(usage)
  // Nothing used is nothing charged, also where a finished answer would cost something for itself.
  if (used.length === 0 && cost === '0' && outcome !== 'finished') return 0n
  const rates = price['rates'] as Item | undefined
  const [scale, request] = [whole(price['scale']), whole(price['request'])]
  if (scale === undefined || scale === 0n || request === undefined) return undefined
  let units = request
  for (const [bucket, tokens] of used) {
    const rate = whole(rates?.[bucket])
    if (rate === undefined) return undefined
    units += BigInt(Number(tokens)) * rate
  }
  return units / scale + (units % scale === 0n ? 0n : 1n)
}

const whole = (text: unknown): bigint | undefined =>
  typeof text === 'string' && /^\d{1,60}$/.test(text) ? BigInt(text) : undefined
