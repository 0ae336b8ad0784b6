import assert from 'node:assert/strict'
import net from 'node:net'
import { RESPONSES } from '../../src/http/error-responses.ts'
import { seeded } from '../ledger/seeded.ts'
import { chat, raw } from '../support/raw.ts'
import { openBed } from './bed.ts'
import { mutated } from './mutations.ts'
import { many, type Part } from './part.ts'
import { rightRequests } from './requests.ts'

const MODELS = {
  words: ['answer?chunks=3'],
  fails: ['answer?status=500'],
  broken: ['answer?chunks=4&cut=2'],
} as const
const AT_ONCE = 64
const PATIENCE_MS = 1_000
/** Longer than the gateway itself waits for what never comes. */
const ANSWER_MS = 60_000
const INTERIM = /^HTTP\/1\.1 100 Continue\r\n\r\n/
/** Which of our own answers there may be. An internal error is a bug, whoever caused it. */
const DOCUMENTED: ReadonlySet<string> = new Set(
  Object.keys(RESPONSES).filter((code) => code !== 'internal_error'),
)

/**
 * Requests with something wrong in them. The process goes on, each answer is one that the documentation knows, requests
 * that could be read have an id, and nothing is held, charged or moved that the books do not bear out.
 */
export const fuzz: Part = async ({ scale, seed, onStep }) => {
  const bed = await openBed(MODELS)
  const { gateway } = bed.house
  await gateway.user('other', '5')
  const first = await raw({ url: gateway.url, key: bed.client.key, body: chat('words') })
  const right = rightRequests({
    ...{ user: bed.client.key, admin: gateway.adminKey, account: bed.client.account },
    request: String(first.headers['x-request-id']),
  })
  const port = Number(new URL(gateway.url).port)
  const seen = new Map<string, number>()
  await many({ count: scale.fuzz, atOnce: AT_ONCE, onStep }, async (index) => {
    const chance = seeded(seed * 1_000_003 + index)
    const bytes = mutated(chance.pick(right), chance)
    const answer = (await answered(port, bytes)).replace(INTERIM, '')
    const kind = checked(answer, { bytes, index, seed })
    seen.set(kind, (seen.get(kind) ?? 0) + 1)
  })
  assert.equal(gateway.process.exitCode, null, 'the process ended')
  const last = await raw({ url: gateway.url, key: bed.client.key, body: chat('words') })
  assert.equal(last.status, 200, `a right request is answered with ${last.status}: ${last.body}`)
  await bed.restored({ rssBytes: Infinity, sockets: Infinity })
  await bed.close()
  return Object.fromEntries([...seen].sort())
}

/** All that comes until the connection is closed. Who hears nothing for a while leaves: what was asked may have no end. */
function answered(port: number, bytes: Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    const socket = net.connect(port, '127.0.0.1', () => socket.write(bytes))
    const leave = setTimeout(() => socket.end(), PATIENCE_MS)
    const late = setTimeout(() => {
      socket.destroy(new Error('no answer, and the connection is not closed'))
    }, ANSWER_MS)
    socket.setEncoding('latin1')
    socket.on('data', (piece: string) => {
      text += piece
      leave.refresh()
    })
    socket.on('error', (error: Error & { code?: string }) => {
      // Closed while we were still talking: what it had said counts.
      if (error.code !== 'ECONNRESET' && error.code !== 'EPIPE') reject(error)
    })
    socket.on('close', () => {
      clearTimeout(late)
      clearTimeout(leave)
      if (text !== '' || socket.writableEnded) resolve(text)
      else
        reject(new Error(`closed without an answer: ${JSON.stringify(bytes.toString('latin1'))}`))
    })
  })
}

type Case = Readonly<{ bytes: Buffer; index: number; seed: number }>

/** The status of the answer; throws where it is none that there may be. */
function checked(answer: string, { bytes, index, seed }: Case): string {
  if (answer === '') return 'left'
  const status = /^HTTP\/1\.1 ([1-5]\d\d) /.exec(answer)?.[1] ?? 'none'
  const wrong = wrongWith(answer, status)
  if (wrong === undefined) return status
  const asked = JSON.stringify(bytes.toString('latin1').slice(0, 2_000))
  throw new Error(
    `request ${index} of seed ${seed}: ${wrong}\n  asked: ${asked}\n  answer: ${answer.slice(0, 1_000)}`,
  )
}

function wrongWith(answer: string, status: string): string | undefined {
  if (status === 'none') return 'the answer is no HTTP'
  const [head = '', body = ''] = answer.split(/\r\n\r\n(.*)/s)
  if (status < '400') return /\r\nx-request-id: req_/i.test(head) ? undefined : 'it has no id'
  if (/\r\ntransfer-encoding/i.test(head) || body === '') return undefined
  const code = /"code":"([a-z_]+)"/.exec(body)?.[1]
  if (code === undefined) return 'an error without a code'
  return status >= '500' && !DOCUMENTED.has(code) ? `${code} is in no documentation` : undefined
}
