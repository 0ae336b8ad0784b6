import type { Context } from 'koa'
import type { NamedModel } from '../../domain/routes.ts'
import { findModel, listModels } from '../../gateway/list-models.ts'
import { credentialOf } from '../credential.ts'
import type { Site } from '../site.ts'

/** GET /v1/models */
export function models({ house }: Site) {
  return (ctx: Context): void => {
    ctx.body = { object: 'list', data: listModels(house, credentialOf(ctx.req.headers)).map(view) }
  }
}

/** GET /v1/models/{id}, where an id may contain slashes, encoded or not. */
export function model({ house }: Site) {
  return (ctx: Context & { params: Record<string, string> }): void => {
    ctx.body = view(findModel(house, credentialOf(ctx.req.headers), ctx.params['id'] ?? ''))
  }
}

/** The SDKs' type requires `created`; a model here has no birthday, so it is the same for all. */
const CREATED = 1_735_689_600

const view = ({ name, model: { ownedBy, contextTokens, maxOutput } }: NamedModel) => ({
  id: name,
  object: 'model',
  created: CREATED,
  owned_by: ownedBy,
  ...(contextTokens !== undefined && { context_window: contextTokens }),
  max_output_tokens: maxOutput,
})
