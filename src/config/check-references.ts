// What one part of gateway.yaml says of another: names, duplicates, circles. It reads the file loosely, so that these
// problems are told together with those of the schema, not after them.
import { z } from 'zod'
import { isPattern, isServedBy } from '../domain/model-name.ts'
import { checkAliases } from './check-aliases.ts'
import { checkServices } from './check-services.ts'
import { suggest } from './did-you-mean.ts'
import { pathText, type Complain, type Report } from './problem.ts'
import type { Source } from './yaml-source.ts'

const word = z.string().optional().catch(undefined)
const listOf = <Item extends z.ZodType>(item: Item): z.ZodCatch<z.ZodArray<Item>> =>
  z.array(item).catch([])

const deployment = z
  .object({ provider: word, model: word })
  .catch({ provider: undefined, model: undefined })
const outlineSchema = z
  .object({
    tiers: z.record(z.string(), z.unknown()).optional().catch(undefined),
    aliases: z.record(z.string(), word).catch({}),
    providers: listOf(
      z
        .object({
          id: word,
          protocol: word,
          base_url: z.unknown().optional(),
          api_keys: z.unknown().optional(),
          keyless: word,
        })
        .catch({
          id: undefined,
          protocol: undefined,
          base_url: '',
          api_keys: '',
          keyless: undefined,
        }),
    ),
    models: listOf(
      z
        .object({ id: word, deployments: listOf(deployment), fallbacks: listOf(word) })
        .catch({ id: undefined, deployments: [], fallbacks: [] }),
    ),
    services: listOf(
      z.object({ name: word, prefix: word }).catch({ name: undefined, prefix: undefined }),
    ),
  })
  .catch({ tiers: undefined, aliases: {}, providers: [], models: [], services: [] })

type Outline = z.output<typeof outlineSchema>

export function checkReferences(source: Source, report: Report): void {
  const outline = outlineSchema.parse(source.value)
  const complain: Complain = (path, message, fix) => {
    report({ file: source.file, line: source.lineOf(path), path: pathText(path), message, fix })
  }
  checkTiers(outline, complain)
  checkProviders(outline, source, complain)
  checkUnique(outline.providers, 'providers', complain)
  checkUnique(outline.models, 'models', complain)
  checkDeployments(outline, complain)
  checkStars(outline, complain)
  checkFallbacks(outline, complain)
  checkCircles(outline, complain)
  checkServices(outline, complain)
  const models = outline.models.flatMap(({ id }) => id ?? [])
  checkAliases(outline.aliases, models, complain)
}

function checkTiers({ tiers }: Outline, complain: Complain): void {
  if (tiers === undefined || Object.hasOwn(tiers, 'free')) return
  complain(['tiers'], 'lacks the tier free', 'add free: new accounts get it')
}

/** A provider is off when a variable is unset; when it names no variable at all, that is a mistake. */
function checkProviders({ providers }: Outline, { unsetAt }: Source, complain: Complain): void {
  for (const [index, { protocol, base_url, api_keys, keyless }] of providers.entries()) {
    const path = ['providers', index]
    if (protocol === 'demo') continue
    if (base_url === undefined && unsetAt([...path, 'base_url']).length === 0) {
      complain([...path, 'base_url'], 'is missing', 'write the address of its API')
    }
    const unset = unsetAt([...path, 'api_keys'])
    const needsKey = keyless === undefined || keyless === 'false'
    if (needsKey && api_keys === undefined && unset.length === 0) {
      const fix = 'write ${NAME_API_KEY}, or keyless: true for a server that needs none'
      complain([...path, 'api_keys'], 'is missing', fix)
    }
  }
}

function checkUnique(
  entries: readonly Readonly<{ id?: string | undefined }>[],
  section: 'providers' | 'models',
  complain: Complain,
): void {
  const seen = new Set<string>()
  for (const [index, { id }] of entries.entries()) {
    if (id === undefined) continue
    if (seen.has(id)) complain([section, index, 'id'], `is ${id} again`, 'give each its own id')
    seen.add(id)
  }
}

function checkDeployments({ providers, models }: Outline, complain: Complain): void {
  const known = providers.flatMap(({ id }) => id ?? [])
  for (const [index, { deployments }] of models.entries()) {
    const seen = new Set<string>()
    for (const [at, { provider, model }] of deployments.entries()) {
      const path = ['models', index, 'deployments', at]
      if (provider === undefined) continue
      if (!known.includes(provider)) {
        complain(
          [...path, 'provider'],
          `is ${provider}, which is no provider`,
          suggest(provider, known),
        )
      }
      const name = `${provider}/${model ?? ''}`
      if (seen.has(name)) complain(path, `is ${name} again`, 'keep one, and give it more weight')
      seen.add(name)
    }
  }
}

/** A wildcard's `*` goes to the provider, so each of its deployments has one; others have none. */
function checkStars({ models }: Outline, complain: Complain): void {
  for (const [index, { id, deployments }] of models.entries()) {
    if (id === undefined) continue
    for (const [at, { model }] of deployments.entries()) {
      const stars = (model ?? '').split('*').length - 1
      if (model === undefined || stars === (isPattern(id) ? 1 : 0)) continue
      const path = ['models', index, 'deployments', at, 'model']
      if (isPattern(id)) {
        complain(path, `is ${model}, without the one * that ${id} needs`, 'write "*", in quotes')
      } else {
        const fix = `end the model's id with *, too, or write the whole name`
        complain(path, `is ${model}, but ${id} is no wildcard`, fix)
      }
    }
  }
}

function checkFallbacks({ models }: Outline, complain: Complain): void {
  const known = models.flatMap(({ id }) => id ?? [])
  for (const [index, { fallbacks }] of models.entries()) {
    for (const [at, name] of fallbacks.entries()) {
      if (name === undefined || isServedBy(known, name)) continue
      const path = ['models', index, 'fallbacks', at]
      complain(path, `is ${name}, which is no model`, suggest(name, known))
    }
  }
}

/** Each circle once, at the first model of the file that is part of it. */
function checkCircles({ models }: Outline, complain: Complain): void {
  const next = new Map(models.map(({ id, fallbacks }) => [id, fallbacks]))
  const told = new Set<string>()
  for (const [index, { id, fallbacks }] of models.entries()) {
    for (const [at, first] of fallbacks.entries()) {
      const circle = pathBetween(first, id, next)
      if (id === undefined || circle === undefined || circle.some((name) => told.has(name)))
        continue
      for (const name of circle) told.add(name)
      const text = [id, ...circle].join(' → ')
      complain(['models', index, 'fallbacks', at], `leads back: ${text}`, 'break the circle')
    }
  }
}

/** The way from one model to another along fallbacks, breadth first; undefined when there is none. */
function pathBetween(
  from: string | undefined,
  to: string | undefined,
  next: ReadonlyMap<string | undefined, readonly (string | undefined)[]>,
): readonly string[] | undefined {
  const seen = new Set<string>()
  let ways = from === undefined ? [] : [[from]]
  while (ways.length > 0) {
    const arrived = ways.find((way) => way.at(-1) === to)
    if (arrived !== undefined) return arrived
    ways = ways.flatMap((way) =>
      (next.get(way.at(-1)) ?? []).flatMap((name) => {
        if (name === undefined || seen.has(name)) return []
        seen.add(name)
        return [[...way, name]]
      }),
    )
  }
  return undefined
}
