import { micro, type MicroCredits } from '../domain/money.ts'
import type { Level } from '../domain/reseller.ts'
import { amountIn, type BookedEntry } from './booked-entry.ts'

export type OpenHold = {
  readonly id: string
  readonly account: string
  readonly amount: MicroCredits
  readonly key: string
  readonly model: string
  readonly price: string
  readonly inputCost: MicroCredits
  readonly at: number
  /** The caller's limit on the charge, if they set one. */
  readonly most?: string
  /** Of a sub-account: what it pays on top of its parent's price, and what those above it promised. */
  readonly markup?: string
  readonly levels?: readonly HeldLevel[]
  progress: MicroCredits | undefined
}

export type HeldLevel = Level & Readonly<{ price: string; amount: MicroCredits }>

export function holdFrom(entry: Extract<BookedEntry, { kind: 'hold' }>): OpenHold {
  const { ref: id, account, key, model, price, at } = entry
  const inputCost = amountIn(entry.input)
  const amount = amountIn(entry.amount)
  const plain = { id, account, key, model, price, at, amount, inputCost, progress: undefined }
  const hold = entry.most === undefined ? plain : { ...plain, most: entry.most }
  if (entry.levels === undefined) return hold
  const levels = entry.levels.map(({ account, markup, price, amount }) => ({
    ...{ account, price, amount: micro(BigInt(amount)) },
    ...(markup !== undefined && { markup }),
  }))
  return { ...hold, levels, ...(entry.markup !== undefined && { markup: entry.markup }) }
}

/** The most that the account pays, whatever its request costs. */
export const mostOf = ({ most }: OpenHold): MicroCredits | undefined =>
  most === undefined ? undefined : micro(BigInt(most))
