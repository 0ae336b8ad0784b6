import type { AccountJson } from '../admin/accounts.ts'
import type { Resource } from './resource.ts'

export const accounts: Resource = {
  does: 'accounts, apart from their credit',
  actions: {
    set: {
      usage: 'accounts set ACCOUNT --time-zone NAME',
      does: 'Sets whose days the usage of an account is shown by.',
      options: { 'time-zone': { value: 'NAME', does: 'such as Europe/Berlin, or UTC' } },
      words: ['account'],
      needed: 1,
      async run({ account, 'time-zone': timeZone }, ask) {
        const input = { account, time_zone: timeZone }
        const made = (await ask('set-account', input)) as AccountJson
        return { json: made, text: `${made.account}: time zone ${made.time_zone}\n` }
      },
    },
  },
}
