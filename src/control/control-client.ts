import net from 'node:net'
import type { ControlAnswer } from './control-server.ts'

/** Sends one command to a running server; undefined when none is there. */
export function askServer(
  path: string,
  command: string,
  input: unknown,
): Promise<ControlAnswer | undefined> {
  return new Promise((resolve, reject) => {
    let text = ''
    let isConnected = false
    const socket = net.connect(path, () => {
      isConnected = true
      socket.write(`${JSON.stringify({ command, input })}\n`)
    })
    socket.setEncoding('utf8')
    socket.on('data', (piece: string) => (text += piece))
    socket.on('error', (error) => {
      if (isConnected) reject(new LostServer())
      else if (isNobody(error)) resolve(undefined)
      else reject(error)
    })
    socket.on('end', () => {
      if (text.endsWith('\n')) resolve(JSON.parse(text) as ControlAnswer)
      else reject(new LostServer())
    })
  })
}

/** The server went away between the question and the answer: it may have been done, or not. */
export class LostServer extends Error {
  override readonly name = 'LostServer'
  constructor() {
    super(
      'The server stopped before it answered, so this may or may not have been done. Check before you repeat it.',
    )
  }
}

/** Or somebody who was just leaving: nothing was said to them. */
const isNobody = (error: Error): boolean => 'code' in error && NOBODY.has(error.code as string)

const NOBODY: ReadonlySet<string> = new Set(['ENOENT', 'ECONNREFUSED', 'ECONNRESET'])
