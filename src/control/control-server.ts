import fs from 'node:fs'
import net, { type Server, type Socket } from 'node:net'
import { Failure, type FailureCode } from '../domain/failure.ts'

/** What the command line may ask of a running server, by name. */
export type ControlCommands = Readonly<Record<string, (input: unknown) => Promise<unknown>>>

export type ControlAnswer =
  { ok: true; result: unknown } | { ok: false; code: FailureCode; message: string; param?: string }

const REQUEST_BYTES_MAX = 1024 * 1024

/**
 * Answers commands on the socket in the data folder: one JSON line in, one out. Only the owner of the folder can reach
 * it. That it answers is also the proof that a server lives.
 */
export async function serveControl(path: string, commands: ControlCommands): Promise<Server> {
  fs.rmSync(path, { force: true }) // left by a run that was killed; the folder is ours by its claim
  const server = net.createServer((socket) => {
    serve(socket, commands)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, () => {
      fs.chmodSync(path, 0o600)
      resolve()
    })
  })
  return server
}

function serve(socket: Socket, commands: ControlCommands): void {
  let text = ''
  socket.setEncoding('utf8')
  socket.on('error', () => socket.destroy())
  socket.on('data', (piece: string) => {
    text += piece
    if (text.length > REQUEST_BYTES_MAX) socket.destroy()
    const end = text.indexOf('\n')
    if (end === -1) return
    const line = text.slice(0, end)
    text = ''
    void answer(line, commands).then((reply) => socket.end(`${JSON.stringify(reply)}\n`))
  })
}

async function answer(line: string, commands: ControlCommands): Promise<ControlAnswer> {
  try {
    const { command, input } = JSON.parse(line) as { command: string; input: unknown }
    const run = Object.hasOwn(commands, command) ? commands[command] : undefined
    if (run === undefined) return { ok: false, code: 'not_found', message: `no command ${command}` }
    return { ok: true, result: await run(input) }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    if (!(error instanceof Failure)) return { ok: false, code: 'internal_error', message }
    const { code, details } = error
    return {
      ok: false,
      code,
      message,
      ...(details.param !== undefined && { param: details.param }),
    }
  }
}
