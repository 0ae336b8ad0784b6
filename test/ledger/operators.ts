import { randomUUID } from 'node:crypto'
import { raw } from '../support/raw.ts'
import { runScript } from '../support/script.ts'
import type { Chance } from './seeded.ts'

/** An operator's call, how to make it again, and what came of it as far as they know. */
export type Deed = Readonly<{
  idempotencyKey: string
  again: () => Promise<Heard>
  heard: Heard
}>
type Heard = 'done' | 'refused' | 'unknown'

export type Office = Readonly<{ url: () => string; dir: string; adminKey: string; chance: Chance }>

type Wish = Readonly<{ to: string; body: Readonly<Record<string, string>> }>

/** Accounts whose credit operators move; nobody asks anything on them. */
export const ACCOUNTS = ['bob', 'carol'] as const

/** Operators who move credit over HTTP, one call after the other, until the gateway is gone. */
export async function overHttp(office: Office): Promise<readonly Deed[]> {
  const deeds: Deed[] = []
  for (;;) {
    const wish = wished(office.chance)
    const deed = await made((key) => post(office, wish, key))
    deeds.push(deed)
    if (deed.heard === 'unknown') return deeds
  }
}

/** The same with commands, each a process of its own, until `isOver` says that it is enough. */
export async function byCommand(office: Office, isOver: () => boolean): Promise<readonly Deed[]> {
  const deeds: Deed[] = []
  while (!isOver()) {
    const account = office.chance.pick(ACCOUNTS)
    const amount = String(1 + office.chance.below(5))
    deeds.push(await made((key) => grantByCommand(office, { account, amount, key })))
  }
  return deeds
}

async function made(call: (key: string) => Promise<Heard>): Promise<Deed> {
  const idempotencyKey = randomUUID()
  const again = () => call(idempotencyKey)
  return { idempotencyKey, again, heard: await again() }
}

function wished(chance: Chance): Wish {
  const [one, other] = chance.percent(50) ? ACCOUNTS : [ACCOUNTS[1], ACCOUNTS[0]]
  const amount = String(1 + chance.below(50))
  const kind = chance.pick(['grant', 'deduct', 'adjust', 'transfer'] as const)
  return kind === 'transfer'
    ? { to: 'transfers', body: { from: one, to: other, amount } }
    : { to: `accounts/${one}/credits/${kind}`, body: { amount, reason: 'because' } }
}

async function post({ url, adminKey: key }: Office, { to, body }: Wish, idempotencyKey: string) {
  const headers = { 'idempotency-key': idempotencyKey }
  const asked = { url: url(), key, headers, path: `/admin/${to}`, body: JSON.stringify(body) }
  const answer = await raw(asked).catch(() => undefined)
  if (answer === undefined) return 'unknown'
  if (answer.status === 201) return 'done'
  if (answer.status === 402) return 'refused' // there was not that much
  throw new Error(`${to} was answered with ${answer.status}: ${answer.body}`)
}

type Grant = Readonly<{ account: string; amount: string; key: string }>

/** Its exit code says what became of it: 3 when nobody knows. */
async function grantByCommand({ dir }: Office, { account, amount, key }: Grant): Promise<Heard> {
  const args = ['credits', 'grant', account, amount, '--idempotency-key', key, '--json']
  const { code, stderr } = await runScript('tollgate', args, { dir })
  if (code === 0) return 'done'
  if (code === 3) return 'unknown'
  throw new Error(`credits grant ended with ${code}: ${stderr}`)
}
