import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'

/** Listens on PORT, or on a free one, tells the parent which, and ends cleanly (a profile is written then). */
export function serveLoopback(server: Server): void {
  server.listen(
    { host: '127.0.0.1', port: Number(process.env['PORT'] ?? 0), backlog: 4096 },
    () => {
      const { port } = server.address() as AddressInfo
      process.stdout.write(`${JSON.stringify({ port })}\n`)
    },
  )
  process.on('SIGTERM', () => process.exit(0))
  process.on('SIGINT', () => process.exit(0))
}
