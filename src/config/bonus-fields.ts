import { z } from 'zod'
import { micro, parseCredits, ZERO, type MicroCredits } from '../domain/money.ts'
import { addressRanges, checkedText, wholeNumber } from './fields.ts'

const credits = checkedText((text) => parseCredits(text) !== undefined, {
  message: 'is no amount of credits',
  fix: 'write a number with at most six decimal places, such as 25 or 0.5',
}).transform((text): MicroCredits => parseCredits(text) ?? ZERO)

/** What both sides of an invitation get. */
export const invitations = z.strictObject({
  inviter: credits.default(micro(0n)),
  invited: credits.default(micro(0n)),
})

/** What webhooks are told about, and where they may lead that is not on the open internet. */
export const webhooks = z.strictObject({
  allowed_networks: addressRanges.default([]),
  large_charge: credits.default(micro(0n)),
  key_expiring_days: wholeNumber(0, 365).default(7),
})
