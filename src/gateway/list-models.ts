import { mayUse } from '../domain/key.ts'
import type { NamedModel } from '../domain/routes.ts'
import { modelNotFound } from './admit.ts'
import { authenticate, type Credential } from './authenticate.ts'
import type { House } from './house.ts'

/** The models that a key may use: the others do not exist for it. What wildcards would answer to is not listed. */
export function listModels(house: House, credential: Credential): readonly NamedModel[] {
  const key = authenticate(house, credential)
  return house.catalog.models().filter(({ name, model }) => mayUse(key, name, model.id))
}

export function findModel(house: House, credential: Credential, name: string): NamedModel {
  const key = authenticate(house, credential)
  const model = house.catalog.route(name)?.model
  if (model === undefined || !mayUse(key, name, model.id)) throw modelNotFound(name)
  return { name, model }
}
