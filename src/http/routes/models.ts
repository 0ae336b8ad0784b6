import { z } from 'zod'
import type { NamedModel } from '../../domain/routes.ts'
import { findModel, listModels } from '../../gateway/list-models.ts'
import { route } from '../route.ts'

const model = z.object({
  id: z.string(),
  object: z.literal('model'),
  created: z.int(),
  owned_by: z.string(),
  context_window: z.int().optional(),
  max_output_tokens: z.int(),
})

export const modelRoutes = [
  route({
    method: 'GET',
    path: '/v1/models',
    access: 'known',
    canWait: true,
    summary: 'The models that the key may use',
    answer: z.object({ object: z.literal('list'), data: z.array(model) }),
    handle: ({ house }, { actor }) => ({
      object: 'list',
      data: listModels(house, actor.key).map(view),
    }),
  }),
  route({
    method: 'GET',
    path: '/v1/models/{id*}',
    access: 'known',
    canWait: true,
    summary: 'One of them; its id may contain slashes, encoded or not',
    answer: model,
    handle: ({ house }, { actor, params }) => view(findModel(house, actor.key, params['id'] ?? '')),
  }),
]

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
