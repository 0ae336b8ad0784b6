import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import { sendStream, sendWhole } from './answer.ts'
import { behaviourOf, type Behaviour } from './behaviour.ts'
import { certify, type TlsKind } from './certificate.ts'
import { sendRaw } from './raw-faults.ts'

/** What the provider saw and did for one call: the other side of the gateway's books. */
export type JournalEntry = {
  readonly id: string
  readonly model: string
  readonly body: Readonly<Record<string, unknown>>
  readonly authorization: string | undefined
  readonly traceparent: string | undefined
  /** What it would bill for. */
  readonly usage: { prompt: number; completion: number }
  ended: 'running' | 'finished' | 'refused' | 'caller_left'
}

export type FaultProvider = Readonly<{
  baseUrl: string
  port: number
  /** Whom to trust, where it speaks TLS. */
  ca: string | undefined
  journal: JournalEntry[]
  /** GET /v1/models: with which status it is answered, for which keys, and who asked. */
  list: ModelList
  /** Resolves when the predicate holds; looked at whenever something happens. */
  until: (holds: (journal: readonly JournalEntry[]) => boolean) => Promise<void>
  /** Calls that are held are answered. */
  letGo: () => void
  close: () => Promise<void>
}>

type ModelList = { status: number; badKey: string | undefined; readonly asked: string[] }

/** A chat completions server that does whatever fault the model's name asks for, and keeps a journal. */
export async function startFaultProvider({
  port = 0,
  host = '127.0.0.1',
  tls,
}: { port?: number; host?: string; tls?: TlsKind | undefined } = {}): Promise<FaultProvider> {
  const journal: JournalEntry[] = []
  const calls = new Map<string, number>()
  const list: ModelList = { status: 200, badKey: undefined, asked: [] }
  const watchers = new Set<() => void>()
  const held = new Set<() => void>()
  const changed = () => {
    for (const watcher of watchers) watcher()
  }
  const certified = tls === undefined ? undefined : certify(tls)
  const onRequest = (req: IncomingMessage, res: ServerResponse) => {
    void serve(req, res, { journal, calls, list, held, changed })
  }
  const server =
    certified === undefined
      ? http.createServer(onRequest)
      : https.createServer(certified, onRequest)
  server.keepAliveTimeout = 0 // it is for its callers to close what they do not use: one who forgets is found out
  await new Promise<void>((resolve) => server.listen(port, host, resolve))
  const bound = (server.address() as AddressInfo).port
  return {
    baseUrl:
      certified === undefined ? `http://127.0.0.1:${bound}/v1` : `https://localhost:${bound}/v1`,
    ...{ port: bound, journal, list, ca: certified?.ca },
    until: (holds) =>
      new Promise((resolve) => {
        const look = () => {
          if (!holds(journal)) return
          watchers.delete(look)
          resolve()
        }
        watchers.add(look)
        look()
      }),
    letGo: () => {
      letGo(held)
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve()
        })
        server.closeAllConnections()
      }),
  }
}

function letGo(held: Set<() => void>): void {
  for (const go of held) go()
  held.clear()
}

/** Connections that have served a call. */
const used = new WeakSet<object>()

/** What the calls before, or the key, make of it. */
function statusOf(
  { status, badKey, flap }: Behaviour,
  { authorization }: JournalEntry,
  before: number,
): number {
  if (badKey !== undefined && authorization?.endsWith(badKey) === true) return 401
  if (flap === 0) return status
  const fails = Math.floor(before / flap) % 2 === 0
  return !fails ? 200 : status === 200 ? 500 : status
}

type Notes = Readonly<{
  journal: JournalEntry[]
  /** How many calls each model has had. */
  calls: Map<string, number>
  list: ModelList
  held: Set<() => void>
  changed: () => void
}>

async function serve(
  req: IncomingMessage,
  res: ServerResponse,
  { journal, calls, list, held, changed }: Notes,
): Promise<void> {
  if (req.method === 'GET' && req.url === '/__journal') {
    res.end(JSON.stringify(journal))
    return
  }
  if (req.method === 'POST' && req.url === '/__go') {
    letGo(held)
    res.end()
    return
  }
  if (req.method === 'GET' && req.url === '/v1/models') {
    sendList(res, list, req.headers.authorization ?? '')
    changed()
    return
  }
  const body = JSON.parse(await textOfRequest(req)) as Record<string, unknown>
  const entry: JournalEntry = {
    ...{ id: `chatcmpl-${journal.length}${markIn(body)}`, model: String(body['model']), body },
    authorization: req.headers.authorization,
    traceparent: [req.headers['traceparent']].flat()[0],
    usage: { prompt: promptTokens(body), completion: 0 },
    ended: 'running',
  }
  const before = calls.get(entry.model) ?? 0
  calls.set(entry.model, before + 1)
  journal.push(entry)
  changed()
  res.on('close', () => {
    if (!res.writableFinished && entry.ended === 'running') entry.ended = 'caller_left'
    changed()
  })
  const behaviour = behaviourOf(entry.model)
  if (behaviour.stale && used.has(req.socket)) req.socket.destroy()
  used.add(req.socket)
  const isLate = before >= behaviour.late
  const delayMs = isLate ? behaviour.delayMs : 0
  const hold = () => new Promise<void>((resolve) => held.add(resolve))
  if (isLate && behaviour.isHeld) await hold()
  const status = statusOf(behaviour, entry, before)
  await answer(res, { ...behaviour, delayMs, status }, { entry, changed, hold })
  changed()
}

function sendList(res: ServerResponse, list: ModelList, authorization: string): void {
  list.asked.push(authorization)
  const isBad = list.badKey !== undefined && authorization.endsWith(list.badKey)
  res.writeHead(isBad ? 401 : list.status, { 'content-type': 'application/json' })
  const data = [{ id: 'answer', object: 'model', created: 1, owned_by: 'test' }]
  res.end(JSON.stringify({ object: 'list', data }))
}

type Answering = Readonly<{
  entry: JournalEntry
  changed: () => void
  hold: () => Promise<void>
}>

async function answer(
  res: ServerResponse,
  behaviour: Behaviour,
  { entry, changed, hold }: Answering,
): Promise<void> {
  if (behaviour.delayMs > 0) await new Promise((resolve) => setTimeout(resolve, behaviour.delayMs))
  if (behaviour.hang) return
  if (behaviour.raw !== undefined && res.socket !== null) sendRaw(res.socket, behaviour, entry)
  else if (behaviour.status !== 200) refuse(res, behaviour, entry)
  else if (behaviour.body !== 'answer') sendOther(res, behaviour, entry)
  else if (entry.body['stream'] === true) {
    const options = entry.body['stream_options'] as { include_usage?: boolean } | undefined
    // Live, not a copy: what was sent counts also if the connection breaks.
    const includeUsage = options?.include_usage === true
    await sendStream(res, behaviour, Object.assign(entry, { includeUsage, onWord: changed, hold }))
  } else sendWhole(res, behaviour, entry)
}

function refuse(
  res: ServerResponse,
  { status, retryAfter, message, location }: Behaviour,
  entry: JournalEntry,
): void {
  entry.ended = 'refused'
  res.writeHead(status, {
    'content-type': 'application/json',
    ...(retryAfter !== undefined && { 'retry-after': retryAfter }),
    ...(location !== undefined && { location }),
  })
  const error = { message, type: 'invalid_request_error', param: 'messages', code: 'fault' }
  res.end(JSON.stringify({ error }))
}

const BODIES = {
  html: ['text/html', '<!doctype html><title>502</title>'],
  error: ['application/json', '{"error":{"message":"broken inside","type":"server_error"}}'],
  empty: ['application/json', '{"choices":[]}'],
  garbage: ['application/json', '{"choices":[{"mess'],
  nothing: ['text/event-stream', ''],
} as const

function sendOther(res: ServerResponse, { body }: Behaviour, entry: JournalEntry): void {
  entry.ended = 'refused'
  const [type, text] = BODIES[body === 'answer' ? 'nothing' : body]
  res.writeHead(200, { 'content-type': type })
  res.end(text)
}

/** A mark in the prompt is in the id of the answer: nobody but who asked should ever see it. */
const markIn = ({ messages }: Record<string, unknown>): string => {
  const mark = /mark_\d+/.exec(JSON.stringify(messages))?.[0]
  return mark === undefined ? '' : `-${mark}`
}

/** Words of the prompt: simple, and the same for anybody who recounts. */
const promptTokens = (body: Record<string, unknown>): number =>
  JSON.stringify(body['messages']).split(/\W+/).filter(Boolean).length

async function textOfRequest(req: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = []
  for await (const piece of req) pieces.push(piece as Buffer)
  return Buffer.concat(pieces).toString()
}
