import http, { type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { METRICS_PATHS } from './routes/metrics.ts'
import type { MetricsPage } from './site.ts'

/** The metrics on a port of their own, which only those who may read them can reach: it asks for no key. */
export function createMetricsServer(page: MetricsPage): Server {
  const server = http.createServer({ maxHeaderSize: 8 * 1024 }, (req, res) => {
    void answer(page, req, res)
  })
  server.maxConnections = 100
  return server
}

async function answer(page: MetricsPage, req: IncomingMessage, res: ServerResponse): Promise<void> {
  const [path = ''] = (req.url ?? '').split('?')
  const isHere = METRICS_PATHS.includes(path) && (req.method === 'GET' || req.method === 'HEAD')
  if (!isHere) {
    res.writeHead(404, { 'content-type': 'text/plain' })
    res.end('Here is GET /metrics and nothing else.\n')
    return
  }
  try {
    const text = await page.text()
    res.writeHead(200, { 'content-type': page.type, 'cache-control': 'no-store' })
    res.end(text)
  } catch (error) {
    page.onTrouble(error)
    res.writeHead(500, { 'content-type': 'text/plain' })
    res.end('The metrics cannot be read. The log says why.\n')
  }
}
