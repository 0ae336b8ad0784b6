import { Failure } from '../domain/failure.ts'

/** What a call wants to make is there, by the id that follows from its idempotency key. Secrets are shown once. */
export const doneBefore = (id: string): Failure =>
  new Failure(
    'idempotency_conflict',
    `This idempotency key was used before, and made ${id}. What was shown then is not shown again: revoke or remove it, ` +
      'and ask under a new key.',
    { param: 'Idempotency-Key' },
  )
