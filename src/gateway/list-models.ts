import { mayUse } from '../domain/key.ts'
import type { Model } from '../domain/model.ts'
import { modelNotFound } from './admit.ts'
import { authenticate } from './authenticate.ts'
import type { House } from './house.ts'

/** The models that a key may use: the others do not exist for it. */
export function listModels(house: House, credential: string | undefined): readonly Model[] {
  const key = authenticate(house, credential)
  return house.catalog.models().filter((model) => mayUse(key, model.id))
}

export function findModel(house: House, credential: string | undefined, id: string): Model {
  const found = listModels(house, credential).find((model) => model.id === id)
  if (found === undefined) throw modelNotFound(id)
  return found
}
