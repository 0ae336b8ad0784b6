import net, { type OnReadOpts, type Socket } from 'node:net'
import tls from 'node:tls'
import { HttpConnection, type ResponseReader } from './http-connection.ts'

/** How long an idle connection is kept where the server says nothing, and where it says too much. */
const IDLE_SECONDS = 4
const IDLE_SECONDS_MAX = 600

/**
 * The connections to one upstream: as many as there are requests at a time. The one used last is used first, so that the
 * others grow old and are closed. It has no deadlines: those are its callers'.
 */
export class HttpPool {
  readonly #url: URL
  readonly #free: HttpConnection[] = []
  #open = 0
  /** Its own clock, which nobody has to read for a request. */
  #seconds = 0
  #clock: NodeJS.Timeout | undefined
  #isClosing = false
  #onClosed: (() => void)[] = []
  /** Of the last handshake: the next one is shorter. */
  #session: Buffer | undefined

  constructor(url: URL) {
    this.#url = url
  }

  /** `request`: head and body of an HTTP/1.1 request. The connection that it returns gives it up again. */
  ask(request: string, reader: ResponseReader): HttpConnection {
    const connection = this.#free.pop() ?? this.#connect()
    connection.ask(request, reader)
    return connection
  }

  /** Resolves when the last request is over. */
  async close(): Promise<void> {
    this.#isClosing = true
    for (const connection of this.#free.splice(0)) connection.close()
    if (this.#open > 0) await new Promise<void>((resolve) => this.#onClosed.push(resolve))
  }

  #connect(): HttpConnection {
    const isSecure = this.#url.protocol === 'https:'
    this.#open++
    this.#clock ??= setInterval(this.#tick, 1_000).unref()
    return new HttpConnection({
      open: isSecure ? this.#openSecure : this.#openPlain,
      opened: isSecure ? 'secureConnect' : 'connect',
      onFree: this.#onFree,
    })
  }

  #openPlain = (onread: OnReadOpts): Socket => net.connect({ ...this.#address(), onread })

  #openSecure = (onread: OnReadOpts): Socket => {
    const { host, port } = this.#address()
    const servername = net.isIP(host) === 0 ? host : ''
    const session = this.#session
    const options = { host, port, servername, session, onread, ALPNProtocols: ['http/1.1'] }
    return tls.connect(options).on('session', (session) => {
      this.#session = session
    })
  }

  #address(): { host: string; port: number } {
    const { hostname, port, protocol } = this.#url
    const host = hostname.replace(/^\[|\]$/g, '') // of an IPv6 address
    return { host, port: port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port) }
  }

  #onFree = (connection: HttpConnection, isGood: boolean): void => {
    if (!isGood) this.#forget(connection)
    else if (this.#isClosing || mostIdle(connection) <= 0) connection.close()
    else {
      connection.freeSince = this.#seconds
      this.#free.push(connection)
    }
  }

  #forget(connection: HttpConnection): void {
    const at = this.#free.lastIndexOf(connection)
    if (at !== -1) this.#free.splice(at, 1)
    if (--this.#open > 0) return
    clearInterval(this.#clock)
    this.#clock = undefined
    for (const resolve of this.#onClosed.splice(0)) resolve()
  }

  #tick = (): void => {
    this.#seconds++
    const isOld = (one: HttpConnection) => this.#seconds - one.freeSince >= mostIdle(one)
    for (const connection of this.#free.filter(isOld)) connection.close()
  }
}

/** A second less than the server says, or a request might meet a connection that is just being closed. */
const mostIdle = ({ idleSeconds }: HttpConnection): number =>
  idleSeconds === undefined ? IDLE_SECONDS : Math.min(idleSeconds - 1, IDLE_SECONDS_MAX)
