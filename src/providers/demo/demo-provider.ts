import type { Provider } from '../../ports/provider.ts'
import { DemoCall } from './demo-call.ts'
import { demoScript } from './demo-script.ts'

export type DemoSettings = Readonly<{
  /** Milliseconds between two words of a stream. */
  paceMs?: number
}>

const PACE_MS = 15

/** Answers without a model and without a network, so that the first request works with no account anywhere. */
export function demoProvider({ paceMs = PACE_MS }: DemoSettings = {}): Provider {
  const running = new Set<DemoCall>()
  let onIdle: () => void = () => undefined
  function onOver(call: DemoCall): void {
    running.delete(call)
    if (running.size === 0) onIdle()
  }
  return {
    send(call, listener) {
      const script = demoScript(call, Date.now())
      const started = new DemoCall({ script, listener, paceMs, onOver })
      running.add(started)
      return started
    },
    /** Open answers come to their end first: a reload that switches the demo off must not cut them. */
    async close() {
      if (running.size > 0) await new Promise<void>((resolve) => (onIdle = resolve))
    },
  }
}
