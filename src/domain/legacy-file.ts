import { ACCOUNT_NAME, OPERATOR } from './account.ts'
import { isObject } from './chat-request.ts'
import { micro, MICRO_MAX, type MicroCredits } from './money.ts'

/** A key of the predecessor, with its own balance. `place` says where it stands in the file, for messages. */
export type LegacyKey = Readonly<{
  place: string
  secret: string
  account: string
  amount: MicroCredits
}>

/** What is wrong, and where. It never quotes a key. */
export type LegacyProblem = Readonly<{ place: string; what: string }>

export type LegacyFile = Readonly<{
  keys: readonly LegacyKey[]
  problems: readonly LegacyProblem[]
}>

/**
 * Reads the predecessor's file, {"tokens":[{"id","user_id","tokens_gpt", …}]}: `id` is the key, and fields that are not
 * named here mean nothing to the books. All that is wrong is reported at once.
 */
export function parseLegacyFile(file: unknown, creditsPerToken: MicroCredits): LegacyFile {
  const tokens = isObject(file) ? file['tokens'] : undefined
  if (!Array.isArray(tokens))
    return { keys: [], problems: [{ place: 'tokens', what: 'is not there, or is no list' }] }
  const keys: LegacyKey[] = []
  const problems: LegacyProblem[] = []
  for (const [index, entry] of tokens.entries()) {
    const read = readEntry(entry, `tokens[${index}]`, creditsPerToken)
    if ('problems' in read) problems.push(...read.problems)
    else keys.push(read)
  }
  problems.push(...repeatedIds(tokens), ...tooRich(keys))
  return { keys, problems }
}

/** What a header can carry. */
const SECRET = /^[\x21-\x7e]{1,1024}$/

function readEntry(
  entry: unknown,
  place: string,
  creditsPerToken: MicroCredits,
): LegacyKey | { problems: readonly LegacyProblem[] } {
  if (!isObject(entry)) return { problems: [{ place, what: 'is no object' }] }
  const { id, user_id: user, tokens_gpt: tokens } = entry
  const account = Number.isSafeInteger(user) ? String(user) : user
  const amount = amountOf(tokens, creditsPerToken)
  const wrong = [
    { place: `${place}.id`, what: wrongId(id) },
    { place: `${place}.user_id`, what: wrongAccount(account) },
    { place: `${place}.tokens_gpt`, what: typeof amount === 'string' ? amount : undefined },
  ]
  const problems = wrong.flatMap(({ what, ...at }) => (what === undefined ? [] : [{ ...at, what }]))
  const isRead = typeof id === 'string' && typeof account === 'string' && typeof amount === 'bigint'
  return isRead && problems.length === 0 ? { place, secret: id, account, amount } : { problems }
}

function wrongId(id: unknown): string | undefined {
  if (id === undefined || id === null) return 'is missing'
  if (typeof id === 'string' && SECRET.test(id)) return undefined
  return 'must be text of 1 to 1024 visible ASCII characters, or no client could send it'
}

function wrongAccount(account: unknown): string | undefined {
  if (account === undefined || account === null) return 'is missing'
  if (typeof account === 'string' && ACCOUNT_NAME.test(account) && account !== OPERATOR)
    return undefined
  return `must be 1 to 64 letters, digits or ._@+- and begin with a letter or digit; '${OPERATOR}' is taken`
}

/** The amount, or what is wrong with it. */
function amountOf(tokens: unknown, creditsPerToken: MicroCredits): MicroCredits | string {
  if (tokens === undefined) return 'is missing'
  if (tokens === null || Number.isNaN(tokens))
    return 'is not a number (null is also how NaN is written in JSON)'
  if (typeof tokens !== 'number') return 'must be a number'
  if (Number.isFinite(tokens) && !Number.isInteger(tokens)) return 'must be a whole number'
  if (tokens < 0) return 'must not be negative'
  if (!Number.isSafeInteger(tokens)) return 'is too large'
  const amount = BigInt(tokens) * creditsPerToken
  return amount > MICRO_MAX ? 'is too large' : micro(amount)
}

function repeatedIds(tokens: readonly unknown[]): readonly LegacyProblem[] {
  const first = new Map<unknown, number>()
  return tokens.flatMap((entry, index) => {
    const id = isObject(entry) ? entry['id'] : undefined
    if (typeof id !== 'string') return []
    const before = first.get(id)
    if (before === undefined) first.set(id, index)
    return before === undefined
      ? []
      : [{ place: `tokens[${index}].id`, what: `is the same as that of tokens[${before}]` }]
  })
}

/** Several keys of one account add up. */
function tooRich(keys: readonly LegacyKey[]): readonly LegacyProblem[] {
  const sums = new Map<string, bigint>()
  return keys.flatMap(({ place, account, amount }) => {
    const sum = (sums.get(account) ?? 0n) + amount
    sums.set(account, sum)
    return sum > MICRO_MAX
      ? [{ place: `${place}.tokens_gpt`, what: `makes the credit of ${account} too large` }]
      : []
  })
}
