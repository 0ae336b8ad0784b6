import type { KeyRecord } from '../domain/key.ts'

/** Finds the record of a caller's secret by its hash. */
export interface Keys {
  readonly hashOf: (secret: string) => string
  find(hash: string): KeyRecord | undefined
  withId(id: string): KeyRecord | undefined
}
