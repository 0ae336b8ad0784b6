import { plain, type BooksText, type Item, type Line } from './audit-line.ts'

const KEY_SETTINGS = ['expiresAt', 'models', 'limits', 'tags']

/** Who may spend and who may sign in, gathered again from the entries that say so. */
export class RegisterSums {
  readonly #keys = new Map<string, Item>()
  readonly #users = new Map<string, Item>()
  readonly #ended = new Map<string, number>()

  begin({ keys, users = [], endedSessions = [] }: BooksText): void {
    for (const key of keys) this.#keys.set(key.id, key)
    for (const user of users) this.#users.set(user.name, user)
    for (const [id, until] of endedSessions) this.#ended.set(id, until)
  }

  /** Whether it was an entry about keys, users or sessions. */
  enter(line: Line): boolean {
    const { kind, ref, at } = line
    if (kind === 'key') this.#keys.set(ref, keyFrom(line))
    else if (kind === 'key-changed') this.#keys.set(ref, changed(this.#keys.get(ref) ?? {}, line))
    else if (kind === 'key-revoked') this.#keys.set(ref, { ...this.#keys.get(ref), revokedAt: at })
    else if (kind === 'user') this.#users.set(ref, userFrom(line, this.#users.get(ref)))
    else if (kind === 'user-removed') this.#users.delete(ref)
    else if (kind === 'session-ended') this.#end(line)
    else return false
    return true
  }

  isRevoked = (key: string): boolean => this.#keys.get(key)?.['revokedAt'] !== undefined

  addItems(items: Map<string, string>): void {
    for (const [id, one] of this.#keys) items.set(`key ${id}`, plain(one))
    for (const [name, one] of this.#users) items.set(`user ${name}`, plain(one))
    for (const [id, until] of this.#ended) items.set(`ended session ${id}`, plain(until))
  }

  #end({ ref, at, ...line }: Line): void {
    for (const [id, until] of this.#ended) if (until <= at) this.#ended.delete(id)
    this.#ended.set(ref, Number(line['until']))
  }
}

const named = (line: Item, names: readonly string[]): Item =>
  Object.fromEntries(names.filter((name) => name in line).map((name) => [name, line[name]]))

function keyFrom(line: Line): Item {
  const { seq: _seq, crc: _crc, chain: _chain, batch: _batch, kind: _kind, ...facts } = line
  const { at: createdAt, ref: id, by: _by, ...key } = facts
  return { id, createdAt, ...key }
}

/** No end is written as 0, and no list of models as an empty one. */
function changed(key: Item, line: Line): Item {
  const { expiresAt, models, ...rest } = { ...key, ...named(line, KEY_SETTINGS) } as Item
  const hasModels = Array.isArray(models) && models.length > 0
  return {
    ...rest,
    ...(expiresAt !== undefined && expiresAt !== 0 ? { expiresAt } : {}),
    ...(hasModels ? { models } : {}),
  }
}

const userFrom = (line: Line, known: Item | undefined): Item => ({
  ...{ name: line.ref, account: line.account, role: line['role'], password: line['password'] },
  ...{ createdAt: known?.['createdAt'] ?? line.at, changedAt: line.at },
})
