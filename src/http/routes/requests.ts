import { z } from 'zod'
import { Failure } from '../../domain/failure.ts'
import { route } from '../route.ts'

export const requestRoutes = [
  route({
    method: 'POST',
    path: '/v1/requests/{id}/cancel',
    access: 'user',
    summary: 'Ends an open stream of the account with a finish, its usage and its charge',
    answer: z.object({
      id: z.string(),
      object: z.literal('request.cancelled'),
      cancelled: z.literal(true),
    }),
    handle({ completions }, { actor, params }) {
      const id = params['id'] ?? ''
      if (!completions.cancel(actor.key.account, id)) {
        throw new Failure(
          'not_found',
          'There is no open stream with this id. Its id is the header x-request-id of its answer.',
        )
      }
      return { id, object: 'request.cancelled', cancelled: true }
    },
  }),
]
