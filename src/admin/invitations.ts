import { z } from 'zod'
import type { Actor } from '../domain/actor.ts'
import type { InvitationBonus } from '../domain/code.ts'
import { Failure, invalidRequest } from '../domain/failure.ts'
import type { Secrets } from '../ports/secrets.ts'
import type { Invited, Vouchers } from '../ports/vouchers.ts'
import { correctionView } from './correct-credit.ts'
import { accountName } from './fields.ts'
import { pageOf, type PageQuery } from './page.ts'
import { Patience } from './patience.ts'

/** POST /v1/invitation: by the one who was invited. */
export const invitationSent = z.strictObject({ inviter: accountName })

/** POST /admin/invitations: in the name of the one who was invited. */
export const invitationForm = z.strictObject({
  account: accountName.meta({ description: 'Who was invited', example: 'anna' }),
  inviter: accountName.meta({ description: 'Who invited them', example: 'bob' }),
})

export const invitationQuery = z.strictObject({
  account: z.string().optional().meta({ description: 'Who was invited' }),
  inviter: z.string().optional().meta({ description: 'Who invited them' }),
})

type Needs = Readonly<{
  vouchers: Pick<Vouchers, 'invite' | 'invitations' | 'inviterOf'>
  secrets: Pick<Secrets, 'newId'>
  ticksMs: () => number
  /** Undefined where there is none. */
  bonus: () => InvitationBonus | undefined
}>
type Invitation = z.output<typeof invitationForm>

/** Who invited whom: both get a bonus, once for each account that was invited. */
export type Invitations = ReturnType<typeof invitations>

export function invitations(needs: Needs) {
  const { vouchers } = needs
  const patience = new Patience(needs.ticksMs)
  return {
    /** By the account that was invited. */
    async accept(inviter: string, { by, key: { account } }: Actor) {
      patience.expect(account)
      const answer = await invite(needs, { account, inviter }, by)
      if (answer.kind === 'invited') return correctionView(answer.entry)
      patience.note(account)
      throw invalidRequest(REFUSALS[answer.kind], 'inviter')
    },
    /** By an operator, in its name. */
    async enter(invitation: Invitation, by: string) {
      const answer = await invite(needs, invitation, by)
      if (answer.kind === 'invited') return correctionView(answer.entry)
      throw invalidRequest(REFUSALS[answer.kind], 'inviter')
    },
    list: ({ account, inviter }: z.output<typeof invitationQuery>, page: PageQuery) =>
      pageOf(vouchers.invitations(page.from), page, (one) =>
        (account === undefined || one.account === account) &&
        (inviter === undefined || one.inviter === inviter)
          ? one
          : undefined,
      ),
    inviterOf: (account: string) => vouchers.inviterOf(account),
  }
}

function invite({ vouchers, secrets, bonus }: Needs, invitation: Invitation, by: string) {
  const given = bonus()
  if (given === undefined) throw new Failure('not_found', 'There is no bonus for invitations here.')
  const { account: invited, inviter } = invitation
  const ids = [secrets.newId('inv'), secrets.newId('inv')] as const
  return vouchers.invite({ invited, inviter, bonus: given, ids, by })
}

const REFUSALS = {
  unknown: 'There is no account of that name.',
  again: 'This account was invited before. The bonus is given once.',
  oneself: 'An account cannot invite itself.',
  circle: 'The inviter was invited by this account, or by one that it invited.',
  not_for_you: 'Invitations are not for accounts of resellers.',
  out_of_range: 'A balance would leave the range that is counted.',
} as const satisfies Record<Exclude<Invited['kind'], 'invited'>, string>
