import { NO_CREDIT } from '../domain/account.ts'
import type { KeyRecord } from '../domain/key.ts'
import type {
  AccountEntry,
  AccountSettings,
  KeyChangedEntry,
  KeyEntry,
  RegisterEntry,
  SessionEndedEntry,
  UserEntry,
} from '../domain/register.ts'
import { Contradiction, type AccountState, type Books } from './books.ts'
import { changePlace } from './placing.ts'

/** Applies an entry about accounts, keys, users or sessions, live and in replay alike. */
export function postRegister(books: Books, entry: RegisterEntry): void {
  switch (entry.kind) {
    case 'account':
      return postAccount(books, entry)
    case 'key':
      return postKey(books, entry)
    case 'key-changed':
      return postKeyChange(books, entry)
    case 'key-revoked':
      keep(books, { ...keyOf(books, entry.ref), revokedAt: entry.at })
      return
    case 'user':
      return postUser(books, entry)
    case 'user-removed':
      if (!books.users.delete(entry.ref))
        throw new Contradiction(`removes the unknown user ${entry.ref}`)
      return
    case 'session-ended':
      return postSessionEnd(books, entry)
  }
}

function postAccount(books: Books, entry: AccountEntry): void {
  const { account: id, tier, at: createdAt } = entry
  const known = books.accounts.get(id)
  const { isDisabled, by = '' } = entry
  const disabledBy = isDisabled === true && entry.word !== 'reseller' ? by : ''
  const changed = { tier, ...settingsOf(entry), ...(isDisabled !== undefined && { disabledBy }) }
  if (known !== undefined) {
    changePlace(books, Object.assign(known, changed), entry)
    return
  }
  const { segment: movedIn } = books
  const made: AccountState = { id, createdAt, ...changed, credit: NO_CREDIT, movedIn }
  changePlace(books, made, entry)
  books.accounts.set(id, made)
}

/** Those that the entry names. */
const settingsOf = ({
  timeZone,
  limits,
  isDisabled,
  note,
  lowCredit,
}: AccountSettings): AccountSettings => ({
  ...(timeZone !== undefined && { timeZone }),
  ...(limits !== undefined && { limits }),
  ...(isDisabled !== undefined && { isDisabled }),
  ...(note !== undefined && { note }),
  ...(lowCredit !== undefined && { lowCredit }),
})

function postKey(books: Books, entry: KeyEntry): void {
  const { account, hash, role, hint, expiresAt, models, limits, tags, weak, line } = entry
  keep(books, {
    ...{ id: entry.ref, account, hash, role, hint, createdAt: entry.at },
    ...(expiresAt !== undefined && { expiresAt }),
    ...(models !== undefined && { models }),
    ...(limits !== undefined && { limits }),
    ...(tags !== undefined && { tags }),
    ...(weak !== undefined && { weak }),
    ...(line !== undefined && { line }),
  })
}

function postKeyChange(books: Books, entry: KeyChangedEntry): void {
  const { expiresAt: oldEnd, models: oldModels, ...rest } = keyOf(books, entry.ref)
  const { expiresAt = oldEnd, models = oldModels, limits, tags } = entry
  keep(books, {
    ...rest,
    ...(expiresAt !== undefined && expiresAt !== 0 && { expiresAt }),
    ...(models !== undefined && models.length > 0 && { models }),
    ...(limits !== undefined && { limits }),
    ...(tags !== undefined && { tags }),
  })
}

function keyOf(books: Books, id: string): KeyRecord {
  const key = books.keysById.get(id)
  if (key === undefined) throw new Contradiction(`is about the unknown key ${id}`)
  return key
}

export function keep(books: Books, key: KeyRecord): void {
  books.keysById.set(key.id, key)
  books.keysByHash.set(key.hash, key)
}

function postUser(books: Books, { ref: name, account, role, password, at }: UserEntry): void {
  const { createdAt } = books.users.get(name) ?? { createdAt: at }
  books.users.set(name, { name, account, role, password, createdAt, changedAt: at })
}

/** Those whose tokens have expired are forgotten: by the entries alone, so that replay forgets the same. */
function postSessionEnd({ endedSessions }: Books, { ref, until, at }: SessionEndedEntry): void {
  for (const [id, end] of endedSessions) if (end <= at) endedSessions.delete(id)
  endedSessions.set(ref, until)
}
