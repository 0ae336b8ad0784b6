import type { Actor, Doer } from '../domain/actor.ts'
import { codeState, formatCode, readCode, type CodeRecord, type CodeState } from '../domain/code.ts'
import { Failure, invalidRequest } from '../domain/failure.ts'
import { formatCredits, micro, type MicroCredits } from '../domain/money.ts'
import type { Redeemed, Vouchers } from '../ports/vouchers.ts'
import type { Secrets } from '../ports/secrets.ts'
import { correctionView } from './correct-credit.ts'
import { doneBefore } from './done-before.ts'
import { Patience } from './patience.ts'

type Needs = Readonly<{
  vouchers: Vouchers
  secrets: Secrets
  /** 90 random bits. */
  randomCode: () => bigint
  nowMs: () => number
  ticksMs: () => number
}>

export type CodeWish = Readonly<{
  amount: MicroCredits
  count: number
  expiresAt: number | undefined
  note: string | undefined
  /** Codes that are made in several calls are one series all the same. */
  series: string | undefined
}>

/** At a time: more are made in several calls. */
export const CODES_AT_ONCE = 1_000

/** Redemption codes: credit for a word. */
export type Codes = ReturnType<typeof codes>

export function codes(needs: Needs) {
  const patience = new Patience(needs.ticksMs)
  return {
    create: (wish: CodeWish, doer: Doer) => create(needs, wish, doer),
    list: (asked: CodeQuestion) => page(needs, asked),
    revoke: (id: string, by: string) => revoke(needs, id, by),
    redeem: (typed: string, actor: Actor) => redeem({ ...needs, patience }, typed, actor),
  }
}

/** The only time that the codes are shown. */
async function create({ vouchers, secrets, nowMs, randomCode }: Needs, wish: CodeWish, doer: Doer) {
  const { amount, count, expiresAt, note, series = secrets.newId('series') } = wish
  if (expiresAt !== undefined && expiresAt <= nowMs())
    throw invalidRequest('The codes would have expired. Give a time in the future.', 'expires')
  const made = Array.from({ length: count }, (_, at) => {
    const code = formatCode(randomCode())
    const hint = `…${code.slice(-5)}`
    const call = doer.call && `${doer.call} ${at}`
    return { id: secrets.newId('code', call), code, hash: hashOf(secrets, code), hint }
  })
  const known = made.find(({ id }) => vouchers.code(id) !== undefined)
  if (known !== undefined) throw doneBefore(known.id)
  await vouchers.addCodes({
    ...{ series, amount, by: doer.by },
    codes: made.map(({ id, hash, hint }) => ({ id, hash, hint })),
    ...(expiresAt !== undefined && { expiresAt }),
    ...(note !== undefined && note !== '' && { note }),
  })
  const data = made.map(({ id, code }) => ({ id, code }))
  return { series, amount: formatCredits(amount), expires_at: timeOf(expiresAt), data }
}

async function revoke({ vouchers, nowMs }: Needs, id: string, by: string) {
  const code = vouchers.code(id)
  if (code === undefined) throw new Failure('not_found', 'There is no such code.')
  if (codeState(code, nowMs()) === 'redeemed')
    throw invalidRequest(
      'This code was redeemed: its credit can be taken out of the account that has it.',
    )
  if (code.revokedAt === undefined) await vouchers.revokeCode(id, by)
  return codeView({ ...code, revokedAt: code.revokedAt ?? nowMs() }, nowMs())
}

type Patient = Needs & Readonly<{ patience: Patience }>

async function redeem({ vouchers, secrets, patience }: Patient, typed: string, actor: Actor) {
  const { account } = actor.key
  patience.expect(account)
  const code = readCode(typed)
  const hash = code === undefined ? undefined : secrets.keyFrom(code).hash
  const id = secrets.newId('rdm')
  const redeemed: Redeemed =
    hash === undefined
      ? { kind: 'unknown' }
      : await vouchers.redeem({ id, hash, account, by: actor.by })
  if (redeemed.kind === 'redeemed') return correctionView(redeemed.entry)
  patience.note(account)
  throw invalidRequest(REDEEM_REFUSALS[redeemed.kind], 'code')
}

const hashOf = (secrets: Secrets, code: string): string =>
  secrets.keyFrom(readCode(code) ?? '').hash

const REDEEM_REFUSALS = {
  unknown: 'There is no such code. Look for a wrong character.',
  used: 'This code was redeemed before. It can be used once.',
  revoked: 'This code was withdrawn. Ask whoever gave it to you.',
  expired: 'This code has expired. Ask whoever gave it to you for another.',
  not_for_you: 'Codes are not for accounts of resellers. Ask whoever gave you your key.',
  out_of_range: 'Your balance would leave the range that is counted.',
} as const satisfies Record<Exclude<Redeemed['kind'], 'redeemed'>, string>

export type CodeQuestion = Readonly<{
  state: CodeState | undefined
  series: string | undefined
  /** The last code of the page before. */
  after: string | undefined
  rowsMax: number
}>

function page({ vouchers, nowMs }: Needs, { state, series, after, rowsMax }: CodeQuestion) {
  if (after !== undefined && vouchers.code(after) === undefined)
    throw invalidRequest("'after' must be the id of a code.", 'after')
  const data: CodeView[] = []
  let isBefore = after !== undefined
  for (const code of vouchers.codes()) {
    const isWanted =
      !isBefore &&
      (series === undefined || code.series === series) &&
      (state === undefined || codeState(code, nowMs()) === state)
    if (code.id === after) isBefore = false
    if (!isWanted) continue
    if (data.length === rowsMax) return { object: 'list', data, has_more: true }
    data.push(codeView(code, nowMs()))
  }
  return { object: 'list', data, has_more: false }
}

const timeOf = (ms: number | undefined) => (ms === undefined ? null : new Date(ms).toISOString())

/** Without what it could be redeemed by. */
const codeView = (code: CodeRecord, nowMs: number) => ({
  ...{ id: code.id, series: code.series, hint: code.hint, state: codeState(code, nowMs) },
  amount: formatCredits(micro(BigInt(code.amount))),
  note: code.note ?? '',
  created_at: timeOf(code.createdAt),
  expires_at: timeOf(code.expiresAt),
  redeemed_at: timeOf(code.redeemedAt),
  redeemed_by: code.redeemedBy ?? null,
})
export type CodeView = ReturnType<typeof codeView>
