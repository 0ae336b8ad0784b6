import { CODES_AT_ONCE, type CodeView } from '../admin/codes.ts'
import { progressLine } from './progress.ts'
import type { Ask, Given, Resource } from './resource.ts'
import { table } from './table.ts'

type Made = Readonly<{ series: string; data: readonly Readonly<{ id: string; code: string }>[] }>
type Page = Readonly<{ data: readonly CodeView[]; has_more: boolean }>

export const codes: Resource = {
  does: 'redemption codes: credit for whoever sends one first',
  actions: {
    create: {
      usage: 'codes create AMOUNT [COUNT] [options]',
      does: 'Makes codes of so many credits each, and prints them, this once.',
      options: {
        expires: {
          value: 'TIME',
          does: 'after which they are worth nothing: 2027-01-31, or 2027-01-31T12:00:00Z',
        },
        note: { value: 'TEXT', does: 'for operators alone' },
      },
      words: ['amount', 'count'],
      needed: 1,
      async run(given, ask) {
        const made = await create(given, ask)
        return { json: made, text: `${made.data.map(({ code }) => code).join('\n')}\n` }
      },
    },
    list: {
      usage: 'codes list [options]',
      does: 'Lists codes, without what they are redeemed by.',
      options: {
        state: { value: 'STATE', does: 'open, redeemed, revoked or expired' },
        series: { value: 'SERIES', does: 'those that were made together' },
        after: { value: 'ID', does: 'the last one of the page before' },
        limit: { value: 'N', does: 'at most so many (100)' },
      },
      words: [],
      needed: 0,
      async run(given, ask) {
        const page = (await ask('list-codes', given)) as Page
        const rows = page.data.map(({ id, hint, state, amount, redeemed_by: by, note }) => {
          return [id, hint, state, amount, by ?? '', note]
        })
        const head = ['ID', 'HINT', 'STATE', 'CREDITS', 'REDEEMED BY', 'NOTE']
        return { json: page, text: table(head, rows) }
      },
    },
    revoke: {
      usage: 'codes revoke ID',
      does: 'Withdraws a code that was not redeemed.',
      options: {},
      words: ['id'],
      needed: 1,
      question: ({ id }) => `Withdraw the code ${id ?? ''}?`,
      async run({ id }, ask) {
        const code = (await ask('revoke-code', { id })) as CodeView
        return { json: code, text: `${code.id} (${code.hint}) is revoked.\n` }
      },
    },
  },
}

/** So many at a time that the server is never busy for long with them; all of them are one series. */
async function create({ count: wanted = '1', ...given }: Given, ask: Ask): Promise<Made> {
  const count = /^[1-9][0-9]{0,6}$/.test(wanted) ? Number(wanted) : 0
  if (count === 0) throw new Error('COUNT must be a whole number from 1 to 9999999.')
  const progress = progressLine()
  let made: Made | undefined
  while (made === undefined || made.data.length < count) {
    const left: number = count - (made?.data.length ?? 0)
    const part = { ...given, count: Math.min(left, CODES_AT_ONCE), series: made?.series }
    const next = (await ask('create-codes', part)) as Made
    made = made === undefined ? next : { ...made, data: [...made.data, ...next.data] }
    progress.show('making codes', made.data.length / count)
  }
  progress.clear()
  return made
}
