import { connect, type Socket } from 'node:net'
import { answerCheck } from './answer-check.ts'
import { responseReader } from './response-reader.ts'
import type { AnswerShape } from './plan.ts'

export type ConnectionEvents = Readonly<{
  onChunks(count: number): void
  onAnswer(ms: number): void
  onError(message: string): void
  /** Asked after each answer: send the request again? */
  isWanted(): boolean
  onClosed(): void
}>

export type Target = Readonly<{ port: number; request: Buffer; shape: AnswerShape }>

/** Sockets read one after the other on one thread, so one buffer serves them all. */
const shared = Buffer.allocUnsafe(65_536)
const reconnectMs = 100

/** One keep-alive connection that asks, checks the answer, and asks again for as long as it is wanted. */
export function openConnection(target: Target, events: ConnectionEvents): () => void {
  const check = answerCheck(target.shape)
  let isBusy = false
  let sentAt = 0
  let socket: Socket

  function dial(): void {
    isBusy = false
    const reader = responseReader(
      (piece) => {
        const found = check.take(piece)
        if (found > 0) events.onChunks(found)
      },
      (head) => {
        isBusy = false
        const problem = check.verdict(head)
        if (problem === undefined) events.onAnswer(performance.now() - sentAt)
        else events.onError(problem)
        ask()
      },
    )
    const onread = {
      buffer: shared,
      callback: (bytes: number) => {
        reader.feed(shared.toString('latin1', 0, bytes))
        return true
      },
    }
    socket = connect({ host: '127.0.0.1', port: target.port, noDelay: true, onread }, ask)
    socket.on('error', (error) => events.onError(error.message))
    socket.on('close', redial)
  }

  function ask(): void {
    if (!events.isWanted()) {
      socket.end()
      return
    }
    isBusy = true
    sentAt = performance.now()
    socket.write(target.request)
  }

  function redial(): void {
    if (isBusy) events.onError('the connection closed before the answer ended')
    if (events.isWanted()) setTimeout(dial, reconnectMs)
    else events.onClosed()
  }

  dial()
  return () => socket.destroy()
}
