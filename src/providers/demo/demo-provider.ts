import type { Provider } from '../../ports/provider.ts'

export type DemoSettings = Readonly<{
  /** Milliseconds between two words of a stream. */
  paceMs?: number
}>

export function demoProvider(_settings: DemoSettings = {}): Provider {
  throw new Error('not written yet')
}
