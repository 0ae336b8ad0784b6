import { Failure } from '../../domain/failure.ts'

export const storeUnavailable = (cause: Error | undefined): Failure =>
  new Failure(
    'store_unavailable',
    'The ledger cannot be written at the moment. Try again shortly.',
    {
      retryAfterMs: 2_000,
      cause,
    },
  )
