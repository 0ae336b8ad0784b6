import type { HoldEntry } from '../domain/entry.ts'
import { micro, type MicroCredits } from '../domain/money.ts'
import type { Level } from '../domain/reseller.ts'

export type OpenHold = {
  readonly id: string
  readonly account: string
  readonly amount: MicroCredits
  readonly key: string
  readonly model: string
  readonly price: string
  readonly inputCost: MicroCredits
  readonly at: number
  /** Of a sub-account: what it pays on top of its parent's price, and what those above it promised. */
  readonly markup?: string
  readonly levels?: readonly HeldLevel[]
  progress: MicroCredits | undefined
}

export type HeldLevel = Level & Readonly<{ price: string; amount: MicroCredits }>

export function holdFrom(entry: HoldEntry): OpenHold {
  const { ref: id, account, key, model, price, at } = entry
  const inputCost = micro(BigInt(entry.input))
  const amount = micro(BigInt(entry.amount))
  const hold = { id, account, key, model, price, at, amount, inputCost, progress: undefined }
  if (entry.levels === undefined) return hold
  const levels = entry.levels.map(({ account, markup, price, amount }) => ({
    ...{ account, price, amount: micro(BigInt(amount)) },
    ...(markup !== undefined && { markup }),
  }))
  return { ...hold, levels, ...(entry.markup !== undefined && { markup: entry.markup }) }
}
