import { createHash } from 'node:crypto'
import type { Accounting, PriceList } from '../domain/price.ts'

/** The same price has the same version wherever and however it is written: `2.50` is `2.5`, and order is nothing. */
export function priceVersion(list: PriceList, { creditsPerUsd, markup }: Accounting): string {
  const rates = Object.entries(list)
    .map(([bucket, rate]) => [bucket, canonical(rate)])
    .sort(([a = ''], [b = '']) => (a < b ? -1 : 1))
  const text = JSON.stringify([rates, canonical(creditsPerUsd), canonical(markup)])
  return `p_${createHash('sha256').update(text).digest('hex').slice(0, 12)}`
}

const canonical = (decimal: string): string =>
  decimal.includes('.') ? decimal.replace(/\.?0+$/, '') : decimal
