import { z } from 'zod'
import { accountName } from './fields.ts'
import { parseCredits } from '../domain/money.ts'
import { parseMarkup } from '../domain/reseller.ts'
import type { Placing } from '../ports/ledger.ts'

export type SubAccountWish = Readonly<{ name: string; markup: string; subAccountsMax?: number }>
export type PlaceWish = Placing & Readonly<{ isDisabled?: boolean }>

const SUB_ACCOUNTS_MAX = 100_000

const markup = z
  .union([z.string(), z.number()])
  .transform((value, context) => {
    const read = parseMarkup(value)
    if (read !== undefined) return read
    context.addIssue(
      'must be a decimal from 0 to 1000 with at most six places: 0.2 is a fifth more.',
    )
    return z.NEVER
  })
  .meta({ description: 'What it pays on top of the price of the account above it', example: '0.2' })

const cap = z
  .union([z.string(), z.number()])
  .transform((value, context) => {
    const read = parseCredits(value)
    if (read !== undefined) return read
    context.addIssue('must be credits, as a decimal with at most six places, or null for no cap.')
    return z.NEVER
  })
  .nullable()
  .meta({
    description: 'The most that it may use up in all; null: as much as its credit',
    example: '500',
  })

const room = z
  .int('must be a whole number.')
  .min(0, 'must not be negative.')
  .max(SUB_ACCOUNTS_MAX, `must be at most ${SUB_ACCOUNTS_MAX}.`)
  .meta({ description: 'How many accounts it may have below it, at all levels', example: 0 })

/** POST /v1/subaccounts. */
export const newSubAccount = z
  .strictObject({
    name: z.string(),
    markup: markup.default('0'),
    sub_accounts_max: room.optional(),
  })
  .transform(({ name, markup, sub_accounts_max: most }): SubAccountWish => ({
    ...{ name, markup },
    ...(most !== undefined && { subAccountsMax: most }),
  }))

/** POST /admin/places: the same, by an operator, below any account. */
export const newPlace = z
  .strictObject({
    account: accountName,
    parent: accountName.meta({ description: 'The account above it', example: 'reseller' }),
    markup: markup.default('0'),
    sub_accounts_max: room.default(0),
  })
  .transform(({ account: id, parent, markup, sub_accounts_max: subAccountsMax }) => ({
    ...{ id, parent, markup, subAccountsMax },
  }))

const changes = {
  markup: markup.optional(),
  cap: cap.optional(),
  sub_accounts_max: room.optional(),
  disabled: z.boolean('must be true or false.').optional(),
}

/** PATCH /v1/subaccounts/{account}. */
export const subAccountChange = z.strictObject(changes).transform(placeWish)

/** PUT /admin/accounts/{account}/place: whose sub-account it is, too. */
export const accountPlace = z
  .strictObject({
    ...changes,
    parent: z.string('must be the name of an account, or null.').nullable().optional(),
  })
  .transform(({ parent, ...rest }): PlaceWish => ({
    ...placeWish(rest),
    ...(parent !== undefined && { parent: parent ?? '' }),
  }))

type Changes = z.output<z.ZodObject<typeof changes>>

function placeWish({ markup, cap, sub_accounts_max: most, disabled }: Changes): PlaceWish {
  return {
    ...(markup !== undefined && { markup }),
    ...(cap !== undefined && { cap }),
    ...(most !== undefined && { subAccountsMax: most }),
    ...(disabled !== undefined && { isDisabled: disabled }),
  }
}
