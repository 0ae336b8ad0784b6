import { durationMs } from '../admin/fields.ts'
import type { IssuedKeyView } from '../admin/issue-key-request.ts'
import type { KeyAdmin } from '../admin/keys.ts'
import { limitsIn } from './accounts.ts'
import { issueBatch } from './issue-batch.ts'
import { allOf } from './pages.ts'
import type { Given, Option, Resource } from './resource.ts'
import { table } from './table.ts'

type KeyJson = ReturnType<KeyAdmin['view']>
type Rotated = Awaited<ReturnType<KeyAdmin['rotate']>>

const RULES: Readonly<Record<string, Option>> = {
  models: { value: 'A,B', does: 'the only models that it may use' },
  limits: { value: 'NAME=N,…', does: 'such as requests_per_minute=60,spend_per_month=500' },
  tags: { value: 'A,B', does: 'words of your own, to find it by' },
  expires: { value: 'WHEN', does: '2027-01-31, or a time from now such as 30d' },
}

export const keys: Resource = {
  does: 'keys, which are shown once, when they are issued',
  actions: {
    list: {
      usage: 'keys list [options]',
      does: 'Lists keys, in the order of their making, without their secrets.',
      options: {
        account: { value: 'ACCOUNT', does: 'of this account' },
        role: { value: 'ROLE', does: 'user, viewer, support, admin or owner' },
        tag: { value: 'TAG', does: 'with this tag' },
        state: { value: 'STATE', does: 'active, expired or revoked' },
      },
      words: [],
      needed: 0,
      async run(given, ask) {
        const all = await allOf<KeyJson>(ask, 'list-keys', given)
        return { json: all, text: listed(all) }
      },
    },
    issue: {
      usage: 'keys issue ACCOUNT [options]',
      does: 'Issues a key of an account, which is opened if it is new. For keys of admins: scripts/token-gen.js.',
      options: {
        credits: { value: 'CREDITS', does: 'credit to add' },
        tier: { value: 'TIER', does: 'the tier of the account' },
        ...RULES,
      },
      words: ['account'],
      needed: 1,
      async run({ account, credits, tier, ...rules }, ask) {
        const wish = { type: 'user', account, credits, tier, ...said(rules) }
        const made = (await ask('issue-key', wish)) as IssuedKeyView
        const rows = `Key (shown once; keep it): ${made.key}\nKey id:  ${made.keyId}\n`
        return { json: made, text: `${rows}Account: ${made.account} (${made.tier})\n` }
      },
    },
    'issue-batch': {
      usage: 'keys issue-batch FILE.csv [--batch NAME] > KEYS.csv',
      does: `Issues a key for each line of a CSV file, whose first line names its columns: account, and any of credits,
tier, models, tags and expires, the last three with spaces between several. Prints account, key and key id of each,
as CSV, as soon as it is issued. The form of all lines is checked first; a line that is refused later is told, and the others
are done. Run again after it was interrupted, or with lines put right, it prints all keys and issues nothing twice: until all are
printed they are kept in FILE.csv.issuing. A line that was issued in a batch of this name is not issued in it again.`,
      options: {
        batch: {
          value: 'NAME',
          does: 'what this batch is called (the name of the file if left out)',
        },
      },
      words: ['file'],
      needed: 1,
      question: ({ file }) => `Issue a key for each line of ${file}?`,
      run: ({ file, batch }) => issueBatch(file ?? '', batch),
    },
    set: {
      usage: 'keys set KEY_ID [options]',
      does: 'Changes what is named of a key, from this moment on; an empty value takes it away.',
      options: RULES,
      words: ['key'],
      needed: 1,
      async run({ key, ...rules }, ask) {
        const one = (await ask('set-key', { key, ...said(rules) })) as KeyJson
        return { json: one, text: listed([one]) }
      },
    },
    rotate: {
      usage: 'keys rotate KEY_ID [--grace TIME]',
      does: 'Another secret under the same rules; the old one ends at once, or after a grace.',
      options: {
        grace: { value: 'TIME', does: 'for so long the old key goes on working, such as 24h' },
      },
      words: ['key'],
      needed: 1,
      question: ({ key, grace }) => `Replace ${key}${grace === undefined ? ' at once' : ''}?`,
      async run({ key, grace }, ask) {
        const made = (await ask('rotate-key', { key, ...(grace && { grace }) })) as Rotated
        const text = `Key (shown once; keep it): ${made.key}\nKey id:  ${made.keyId}\n`
        return { json: made, text }
      },
    },
    revoke: {
      usage: 'keys revoke KEY_ID',
      does: 'Ends a key, at once and for good.',
      options: {},
      words: ['key'],
      needed: 1,
      question: ({ key }) => `Revoke ${key} for good?`,
      async run({ key }, ask) {
        const one = (await ask('revoke-key', { key })) as KeyJson
        return { json: one, text: listed([one]) }
      },
    },
  },
}

const listed = (all: readonly KeyJson[]): string =>
  table(
    ['ID', 'HINT', 'ACCOUNT', 'ROLE', 'STATE', 'EXPIRES', 'TAGS'],
    all.map((one) => [
      ...[one.id, one.hint, one.account, one.role, one.state],
      ...[one.expires_at ?? '', one.tags.join(' ')],
    ]),
  )

/** The options in the form of the admin API. */
function said({ models, tags, limits, expires }: Given): object {
  return {
    ...(models !== undefined && { models: models === '' ? null : listIn(models) }),
    ...(tags !== undefined && { tags: listIn(tags) }),
    ...(limits !== undefined && { limits: limitsIn(limits) }),
    ...(expires !== undefined && { expires: expires === '' ? null : whenIn(expires) }),
  }
}

const listIn = (text: string): readonly string[] =>
  text
    .split(/[,\s]+/)
    .map((word) => word.trim())
    .filter((word) => word !== '')

/** A time from now becomes a date. */
export function whenIn(text: string): string {
  const after = durationMs(text)
  return after === undefined ? text : new Date(Date.now() + after).toISOString()
}
