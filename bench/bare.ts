// The ceiling: what a Node proxy costs when it does nothing but pass bytes on. UPSTREAM is its only option.
import { createServer, type ServerResponse } from 'node:http'
import { Pool, type Dispatcher } from 'undici'
import { serveLoopback } from './servers/serve-loopback.ts'

const pool = new Pool(process.env['UPSTREAM'] ?? '')
const notPassedOn = /^(?:connection|keep-alive|transfer-encoding|date)$/i

const server = createServer((req, res) => {
  const pieces: Buffer[] = []
  req.on('data', (piece: Buffer) => pieces.push(piece))
  req.on('end', () => {
    const { authorization = '', 'content-type': type = '' } = req.headers
    const headers = ['content-type', type, 'authorization', authorization]
    const body = Buffer.concat(pieces)
    pool.dispatch({ method: 'POST', path: req.url ?? '/', headers, body }, passThrough(res))
  })
})
serveLoopback(server)

/* eslint-disable @typescript-eslint/no-deprecated */
/**
 * The older form of undici's handlers: its controllers and parsed headers cost 7 % a request, and a ceiling is
 * to be the lowest there is.
 */
function passThrough(res: ServerResponse): Dispatcher.DispatchHandler {
  let resumeReading = () => {}
  return {
    onConnect(abort) {
      res.on('close', () => {
        if (!res.writableFinished) abort(new Error('the client went away'))
      })
    },
    onHeaders(status, rawHeaders, resume) {
      resumeReading = resume
      res.writeHead(status, passedOn(rawHeaders))
      return true
    },
    onData(chunk) {
      if (res.write(chunk)) return true
      res.once('drain', resumeReading)
      return false
    },
    onComplete() {
      res.end()
    },
    onError(error) {
      res.destroy(error)
    },
  }
}

function passedOn(rawHeaders: readonly Buffer[]): string[] {
  const headers: string[] = []
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = String(rawHeaders[at])
    if (!notPassedOn.test(name)) headers.push(name, String(rawHeaders[at + 1]))
  }
  return headers
}
