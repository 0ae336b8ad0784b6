import { invalidRequest } from './failure.ts'

/** What a caller sent, as text again: reading takes any depth, and writing does not. */
export function jsonText(value: unknown): string {
  try {
    return JSON.stringify(value)
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause
    throw invalidRequest('The body is nested too deeply.')
  }
}
