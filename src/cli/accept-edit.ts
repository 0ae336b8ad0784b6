import { parseArgs } from 'node:util'
import { formatCredits } from '../domain/money.ts'
import { acceptEdit, lookForEdit, type AcceptedEdit } from '../wiring/accept-edit.ts'
import { dbDir } from './db-dir.ts'
import { tellFailure } from './tell-failure.ts'

type Edit = NonNullable<Awaited<ReturnType<typeof lookForEdit>>>

const HELP = `node scripts/accept-edit.js [options]

For a gateway.json that somebody changed by hand, which the server does not start on: shows what was changed, and with
--yes books each changed balance as an "adjust" of the difference and moves the file to db/quarantine. Anything else that
was changed cannot be booked; then nothing is. The server must not run.

Ends with 0 when there is nothing (left) to book, and with 1 when something is.

  --yes        book it; without it nothing is changed
  --file FILE  the edited file, where it was moved away already
  --db DIR     the data folder (DB_DIR, ./db)
  --json       print {"balances": [{"account", "change"}], "others", "booked", "refused", "keptAs"}
  --help       this text
`

const OPTIONS = {
  yes: { type: 'boolean', default: false },
  file: { type: 'string' },
  db: { type: 'string' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const

try {
  await main()
} catch (error) {
  tellFailure(error)
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: OPTIONS, strict: true })
  if (values.help) {
    process.stdout.write(HELP)
    return
  }
  const db = values.db ?? dbDir()
  const edit = await lookForEdit(db, values.file)
  const isBookable = edit !== undefined && edit.others.length === 0
  const accepted = isBookable && values.yes ? await acceptEdit(db, edit) : undefined
  process.stdout.write(
    values.json ? `${JSON.stringify(view(edit, accepted))}\n` : page(edit, accepted),
  )
  const isDone = edit === undefined || accepted?.refused.length === 0
  process.exitCode = isDone ? 0 : 1
}

function amounts(changes: Edit['balances']) {
  return changes.map(({ account, change }) => ({ account, change: formatCredits(change) }))
}

function view(edit: Edit | undefined, accepted: AcceptedEdit | undefined) {
  const { booked = [], refused = [], keptAs } = accepted ?? {}
  return {
    ...{ balances: amounts(edit?.balances ?? []), others: edit?.others ?? [] },
    ...{ booked: amounts(booked), refused: amounts(refused), keptAs },
  }
}

function page(edit: Edit | undefined, accepted: AcceptedEdit | undefined): string {
  if (edit === undefined) return 'Nothing was changed by hand: there is nothing to book.\n'
  const list = (title: string, changes: Edit['balances']) =>
    amounts(changes).map(({ account, change }) => `${title} ${account}: ${change} credits`)
  if (accepted !== undefined)
    return [
      ...list('Booked for', accepted.booked),
      ...list('Refused, because less is free, for', accepted.refused),
      `The edited file is ${accepted.keptAs} now.`,
      '',
    ].join('\n')
  const advice =
    edit.others.length === 0
      ? 'Nothing was booked. Run it again with --yes to book this.'
      : 'Only balances can be booked. Move the file away, and change the rest by scripts/tollgate.js and token-gen.js.'
  return [...list('Changed for', edit.balances), ...edit.others, advice, ''].join('\n')
}
