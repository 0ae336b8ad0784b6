// What stands between Traefik and the socket of the container engine, for `--profile socket-guard`. A socket that is mounted
// read-only is no less powerful, and whoever may inspect containers reads their environment, provider keys and all. So
// only the five questions that Traefik asks go through, and of a container only what it needs to know.
import { Buffer } from 'node:buffer'
import http from 'node:http'

const SOCKET = process.env.ENGINE_SOCKET ?? '/var/run/docker.sock'
const PORT = Number(process.env.GUARD_PORT ?? 2375)
const QUESTION =
  /^(?:\/v[\d.]+)?\/(_ping|version|events|containers\/json|containers\/[\w.-]+\/json)(?:\?.*)?$/

http
  .createServer((req, res) => {
    const [, question] = QUESTION.exec(req.url ?? '') ?? []
    if (question === undefined || (req.method !== 'GET' && req.method !== 'HEAD')) {
      res.writeHead(403, { 'content-type': 'application/json' })
      res.end('{"message":"the guard lets this through to nobody"}')
      return
    }
    const { method, url: path } = req
    const asked = http.request(
      { socketPath: SOCKET, method, path, headers: { host: 'engine' } },
      (answer) => {
        const isContainer = /^containers\/(?!json)/.test(question)
        if (isContainer && answer.statusCode === 200) {
          void shorten(answer, res)
          return
        }
        res.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.pipe(res)
      },
    )
    asked.on('error', (error) => {
      if (res.headersSent) res.destroy()
      else
        res
          .writeHead(502, { 'content-type': 'application/json' })
          .end(JSON.stringify({ message: error.message }))
    })
    res.on('close', () => asked.destroy())
    asked.end()
  })
  .listen(PORT, () => console.log(`the guard listens on ${PORT}`))

async function shorten(answer, res) {
  const pieces = []
  for await (const piece of answer) pieces.push(piece)
  const { Id, Name, Created, State, Config, HostConfig, NetworkSettings } = JSON.parse(
    Buffer.concat(pieces),
  )
  const body = JSON.stringify({
    ...{ Id, Name, Created, State, NetworkSettings },
    Config: {
      Labels: Config?.Labels,
      ExposedPorts: Config?.ExposedPorts,
      Hostname: Config?.Hostname,
    },
    HostConfig: { NetworkMode: HostConfig?.NetworkMode, PortBindings: HostConfig?.PortBindings },
  })
  res.writeHead(200, { 'content-type': 'application/json' }).end(body)
}

for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => process.exit(0))
