import type { CorrectionView } from '../admin/correct-credit.ts'
import { allOf } from './pages.ts'
import type { Resource } from './resource.ts'
import { table } from './table.ts'

type InvitationJson = Readonly<{ account: string; inviter: string }>

export const invitations: Resource = {
  does: 'who invited whom: both get the bonus of the configuration, once',
  actions: {
    list: {
      usage: 'invitations list [options]',
      does: 'Lists invitations, in the order of their accepting.',
      options: {
        account: { value: 'ACCOUNT', does: 'who was invited' },
        inviter: { value: 'ACCOUNT', does: 'who invited them' },
      },
      words: [],
      needed: 0,
      async run(given, ask) {
        const all = await allOf<InvitationJson>(ask, 'list-invitations', given)
        const rows = all.map(({ account, inviter }) => [account, inviter])
        return { json: all, text: table(['ACCOUNT', 'INVITED BY'], rows) }
      },
    },
    add: {
      usage: 'invitations add ACCOUNT INVITER',
      does: 'Says who invited an account: both get the bonus, and it cannot be said again.',
      options: {},
      words: ['account', 'inviter'],
      needed: 2,
      question: ({ account, inviter }) => `Was '${account}' invited by '${inviter}'?`,
      async run({ account, inviter }, ask) {
        const made = (await ask('enter-invitation', { account, inviter })) as CorrectionView
        return { json: made, text: `${made.id}: '${account}' got ${made.amount} credits.\n` }
      },
    },
  },
}
