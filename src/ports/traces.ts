import type { FaultKind } from '../domain/fault.ts'
import type { Deployment } from '../domain/model.ts'

/** Follows requests through the house for those who collect traces. Undefined in a house where nobody does. */
export interface Traces {
  /** A completion has arrived; with what its caller says of the trace that it belongs to. */
  begin(requestId: string, traceparent: string | undefined): void
  /** It has its answer, or its caller has left. */
  ended(requestId: string, status: number): void
  /** A deployment is asked for it; undefined when this request is not followed. */
  attempt(requestId: string, deployment: Deployment): AttemptTrace | undefined
}

export interface AttemptTrace {
  /** Tells the provider which trace its work belongs to. */
  readonly traceparent: string
  ended(fault: FaultKind | undefined, firstByteMs: number | undefined): void
}
