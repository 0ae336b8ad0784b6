import type { RouterContext } from '@koa/router'
import { Failure } from '../../domain/failure.ts'
import { authenticate } from '../../gateway/authenticate.ts'
import { credentialOf } from '../credential.ts'
import type { Site } from '../site.ts'

/** POST /v1/requests/{id}/cancel: ends an open stream of the caller's account with a finish, its usage and its charge. */
export function cancelRequest({ house, completions }: Site) {
  return (ctx: RouterContext): void => {
    const key = authenticate(house, credentialOf(ctx.req.headers))
    const id = ctx.params['id'] ?? ''
    if (!completions.cancel(key.account, id)) {
      throw new Failure(
        'not_found',
        'There is no open stream with this id. Its id is the header x-request-id of its answer.',
      )
    }
    ctx.set('cache-control', 'no-store')
    ctx.body = { id, object: 'request.cancelled', cancelled: true }
  }
}
