import { chatRequest } from './chat-request.ts'
import { openConnection } from './connection.ts'
import { countError, type Tally } from './tally.ts'
import type { LoadPlan } from './plan.ts'

const stepMs = 10

/** Opens the plan's connections over its `spreadMs` and adds what they see to the tally. */
export function openConnections(plan: LoadPlan, tally: Tally): () => void {
  const target = { port: plan.port, request: chatRequest(plan), shape: plan.answer }
  const closers: (() => void)[] = []
  const events = {
    onChunks(count: number) {
      tally.chunks += count
      tally.inAll.chunks += count
    },
    onAnswer(ms: number) {
      tally.latenciesMs.push(ms)
      tally.inAll.answers++
    },
    onError: (message: string) => countError(tally, message),
    isWanted: () => tally.isAsking,
    onClosed: () => tally.open--,
  }
  const started = performance.now()

  function openDue(): void {
    const share = plan.spreadMs === 0 ? 1 : (performance.now() - started) / plan.spreadMs
    const due = Math.min(plan.connections, Math.ceil(plan.connections * share))
    for (; tally.open < due; tally.open++) closers.push(openConnection(target, events))
    if (due === plan.connections) clearInterval(timer)
  }

  const timer = setInterval(openDue, stepMs)
  openDue()
  return () => {
    clearInterval(timer)
    for (const close of closers) close()
  }
}
