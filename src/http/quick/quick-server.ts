import http, { type RequestListener, type ServerOptions } from 'node:http'
import type { Socket } from 'node:net'
import { LOOK_EVERY_MS, Reader } from '../reader.ts'
import { QuickConnection, type QuickNeeds } from './quick-connection.ts'

/** A new connection costs its caller less than so many chats on Node's way cost the gateway. */
const CHATS_BY_NODE_MAX = 100

type Node = (this: http.Server, socket: Socket) => void

/**
 * Node's HTTP server, with a quick way beside it: plain chat requests, which nearly all are, are read and answered on the
 * bare connection. At the first that is anything else Node gets the connection, and everything that came by it since; it
 * ends after a while, so that a proxy's pool does not end up with connections of Node's alone.
 */
export class QuickServer extends http.Server {
  readonly #connections = new Set<QuickConnection>()
  readonly #readersByNode = new Map<Socket, Reader>()
  readonly #chatsByNode = new WeakMap<Socket, number>()

  constructor(
    options: ServerOptions,
    onRequest: RequestListener,
    quick: Pick<QuickNeeds, 'answer' | 'settings'>,
  ) {
    super(options, onRequest)
    const [byNode] = this.listeners('connection') as Node[]
    if (byNode === undefined) throw new Error('Node takes its connections in another way now')
    this.off('connection', byNode)
    const needs: QuickNeeds = {
      ...quick,
      handOver: (connection, bytes) => {
        const { socket } = connection
        connection.release()
        this.#connections.delete(connection)
        this.#readersByNode.set(socket, new Reader())
        socket.once('close', () => this.#readersByNode.delete(socket))
        socket.pause()
        // In one piece with what the stream has read ahead: Node's parser takes what comes later past the stream.
        const ahead = socket.read() as Buffer | null
        socket.unshift(ahead === null ? bytes : Buffer.concat([bytes, ahead]))
        byNode.call(this, socket)
        socket.resume()
      },
      onClosed: (connection) => this.#connections.delete(connection),
    }
    this.on('connection', (socket: Socket) => {
      this.#connections.add(new QuickConnection(socket, needs))
    })
    this.on('listening', () => {
      const looking = setInterval(() => {
        const now = performance.now()
        for (const connection of this.#connections) connection.look(now)
        this.#lookByNode(quick.settings().idleReaderMs)
      }, LOOK_EVERY_MS).unref()
      this.once('close', () => {
        clearInterval(looking)
      })
    })
  }

  /** Whether a chat that Node has read is to be its connection's last: the caller's next connection is quick again. */
  isLastByNode(socket: Socket): boolean {
    const chats = (this.#chatsByNode.get(socket) ?? 0) + 1
    this.#chatsByNode.set(socket, chats)
    return chats >= CHATS_BY_NODE_MAX
  }

  #lookByNode(idleReaderMs: number): void {
    for (const [socket, reader] of this.#readersByNode) {
      const idleMs = reader.idleMs(socket)
      if (idleMs > 0 && idleMs >= idleReaderMs) socket.destroy()
    }
  }

  override closeIdleConnections(): void {
    for (const connection of this.#connections) connection.closeIfIdle()
    super.closeIdleConnections()
  }

  override closeAllConnections(): void {
    for (const { socket } of this.#connections) socket.destroy()
    super.closeAllConnections()
  }
}
