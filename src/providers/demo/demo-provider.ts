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
  const onOver = (call: DemoCall): void => void running.delete(call)
  return {
    send(call, listener) {
      const script = demoScript(call, Date.now())
      const started = new DemoCall({ script, listener, paceMs, onOver })
      running.add(started)
      return started
    },
    close() {
      const fault = { kind: 'server', detail: 'the demo provider is closed' } as const
      for (const call of running) call.end({ kind: 'fault', fault, usage: undefined })
      return Promise.resolve()
    },
  }
}
