import { isServedBy } from '../domain/model-name.ts'
import { suggest } from './did-you-mean.ts'
import type { Complain } from './problem.ts'

type Aliases = Readonly<Record<string, string | undefined>>

/** An alias is another name of a model: not a model's own, and not one of another alias. */
export function checkAliases(
  aliases: Aliases,
  models: readonly string[],
  complain: Complain,
): void {
  for (const [alias, target] of Object.entries(aliases)) {
    const path = ['aliases', alias]
    if (models.includes(alias)) {
      complain(path, 'is the id of a model', 'choose another name: a model is asked for by its id')
    }
    if (target === undefined || isServedBy(models, target)) continue
    if (Object.hasOwn(aliases, target)) {
      complain(path, `is ${target}, which is an alias`, `write the model: ${aliases[target] ?? ''}`)
    } else {
      complain(path, `is ${target}, which is no model`, suggest(target, models))
    }
  }
}
