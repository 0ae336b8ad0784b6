// Asks services over Node's own client: it frames what it sends anew, and is strict with what it gets. Here is what its
// errors mean, and whose turn it is.
import http, { type ClientRequest, type IncomingMessage, type RequestOptions } from 'node:http'
import https from 'node:https'
import { pipeline } from 'node:stream'
import {
  ServiceFault,
  type ServiceAnswer,
  type ServiceBody,
  type ServiceCall,
  type ServiceClient,
  type ServiceFaultKind,
} from '../ports/service-client.ts'
import { Patience } from './patience.ts'

/** Whoever has not taken a connection by then is not there; the next instance may be. */
const CONNECT_MS_MAX = 5_000
const HEADER_BYTES_MAX = 16 * 1024
/** Shorter than servers keep theirs. */
const KEPT = { keepAlive: true, timeout: 4_000, maxFreeSockets: 64 } as const

/**
 * A kept connection may be closed by the service at the moment of its next request, and then nobody knows whether that was
 * seen. So they are for what may be sent again; everything else gets a connection of its own.
 */
export function serviceClient(): ServiceClient {
  const agents = {
    'http:': { kept: new http.Agent(KEPT), own: unkept(new http.Agent(KEPT)) },
    'https:': { kept: new https.Agent(KEPT), own: unkept(new https.Agent(KEPT)) },
  }
  return {
    async ask(call) {
      const { kept, own } = agents[call.instance.startsWith('https:') ? 'https:' : 'http:']
      const isRepeatable = REPEATABLE.has(call.method) && call.body === undefined
      if (!isRepeatable) return exchange(call, own)
      try {
        return await exchange(call, kept)
      } catch (error) {
        if (error instanceof StaleConnection) return exchange(call, own)
        throw error
      }
    },
    close() {
      for (const { kept, own } of Object.values(agents)) {
        kept.destroy()
        own.destroy()
      }
    },
  }
}

/**
 * Its connections are closed from here, after the answer. Told to close them itself, a service that answers before it has
 * read the whole body would reset them, and its answer would be lost.
 */
function unkept(agent: http.Agent): http.Agent {
  agent.keepSocketAlive = () => false
  return agent
}

const REPEATABLE = new Set(['GET', 'HEAD', 'OPTIONS'])

class StaleConnection extends ServiceFault {}

function exchange(call: ServiceCall, agent: http.Agent): Promise<ServiceAnswer> {
  return new Promise((resolve, reject) => {
    if (call.signal.aborted) throw new ServiceFault('left')
    const request = open(call, agent)
    let response: IncomingMessage | undefined
    let isConnected = false
    let bodyError: Error | undefined
    const giveUp = (kind: ServiceFaultKind): void => {
      ;(response ?? request).destroy(new ServiceFault(kind))
    }
    const connecting = new Patience(Math.min(call.timeoutMs, CONNECT_MS_MAX), () => {
      giveUp('unreachable')
    })
    const untilHead = new Patience(call.timeoutMs, () => {
      giveUp('timeout')
    })
    connecting.start()
    call.signal.addEventListener('abort', () => {
      giveUp('left')
    })
    whenConnected(request, () => {
      isConnected = true
      connecting.end()
      untilHead.start()
      send(request, call.body, { untilHead, onError: (error) => (bodyError = error) })
    })
    request.on('response', (answer) => {
      response = answer
      untilHead.end()
      answer.on('error', ignore) // whoever reads the body is told; nobody may be by now
      const between = new Patience(call.timeoutMs, () => {
        giveUp('timeout')
      })
      const { statusCode: status = 0, rawHeaders: headers } = answer
      resolve({ status, headers, body: piecesOf(answer, { request, between }) })
    })
    const failed = (error?: Error): void => {
      connecting.end()
      untilHead.end()
      reject(reasonOf(request, { error, bodyError, isConnected }))
    }
    request.on('error', failed)
    request.on('close', failed) // and nothing else, after an upgrade that nobody asked for
  })
}

const ignore = (): void => undefined

function open(
  { method, instance, path, headers, body }: ServiceCall,
  agent: http.Agent,
): ClientRequest {
  const { protocol, hostname, port, pathname } = new URL(instance)
  const options: RequestOptions = {
    ...{ method, port, agent, setHost: true, insecureHTTPParser: false },
    hostname: hostname.replace(/^\[|\]$/g, ''), // of an IPv6 address
    path: pathname.replace(/\/$/, '') + path,
    headers: { ...Object.fromEntries(Object.entries(headers).map(mutable)), ...framing(body) },
    maxHeaderSize: HEADER_BYTES_MAX,
  }
  return protocol === 'https:' ? https.request(options) : http.request(options)
}

const mutable = ([name, value]: [string, string | readonly string[]]) =>
  [name, typeof value === 'string' ? value : [...value]] as const

/** Said for every method: of a DELETE, say, Node would send a body that nobody could tell from the next request. */
function framing(body: ServiceBody | undefined): Record<string, string> {
  if (body === undefined) return {}
  if (body.length === undefined) return { 'transfer-encoding': 'chunked' }
  return { 'content-length': String(body.length) }
}

function whenConnected(request: ClientRequest, tell: () => void): void {
  request.once('socket', (socket) => {
    if (request.reusedSocket) tell()
    else socket.once('encrypted' in socket ? 'secureConnect' : 'connect', tell)
  })
}

type Sending = Readonly<{ untilHead: Patience; onError: (error: Error) => void }>

/** Only now: where no connection came about, the body is still there for the next instance. */
function send(request: ClientRequest, body: ServiceBody | undefined, sending: Sending): void {
  if (body === undefined) request.end()
  else pipeline(outgoing(body.pieces, sending), request, ignore) // what goes wrong, the request tells
}

/** As long as the caller's next piece has not come, the service is not waited for. */
async function* outgoing(pieces: AsyncIterable<Uint8Array>, { untilHead, onError }: Sending) {
  try {
    untilHead.stop()
    for await (const piece of pieces) {
      untilHead.start()
      yield piece
      untilHead.stop()
    }
    untilHead.start()
  } catch (error) {
    onError(error as Error)
    throw error
  }
}

type Answering = Readonly<{ request: ClientRequest; between: Patience }>

/** As long as the caller reads what there is, the service is not waited for. */
async function* piecesOf(
  answer: IncomingMessage,
  { request, between }: Answering,
): AsyncIterable<Uint8Array> {
  const source: AsyncIterable<Uint8Array> = answer
  try {
    between.start()
    for await (const piece of source) {
      between.stop()
      yield piece
      between.start()
    }
  } catch (error) {
    throw error instanceof ServiceFault ? error : new ServiceFault('broken', error)
  } finally {
    between.end()
    if (!request.writableFinished) request.destroy() // it has answered without the rest of the body
  }
}

type Trouble = Readonly<{
  error: Error | undefined
  bodyError: Error | undefined
  isConnected: boolean
}>

function reasonOf(request: ClientRequest, { error, bodyError, isConnected }: Trouble): Error {
  if (bodyError !== undefined) return bodyError
  if (error instanceof ServiceFault) return error
  if (!isConnected) return new ServiceFault('unreachable', error)
  return request.reusedSocket
    ? new StaleConnection('broken', error)
    : new ServiceFault('broken', error)
}
