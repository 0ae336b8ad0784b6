import { Failure } from '../domain/failure.ts'
import { mayUse, type KeyRecord } from '../domain/key.ts'
import { formatCredits, micro } from '../domain/money.ts'
import { routeFor, type Candidate, type RoutedModel, type Stage } from '../domain/route.ts'
import { arrange, rankOf, spreads, type Circumstances } from '../domain/strategy.ts'
import { textUsage } from '../domain/usage.ts'
import { modelNotFound } from './admit.ts'
import { orderOf, OUTPUT_LIKELY, type KnownTraffic } from './choose.ts'
import type { House } from './house.ts'

type Needs = Pick<House, 'catalog' | 'clock'> &
  Readonly<{ traffic: KnownTraffic; keys: Pick<House['keys'], 'withId'> }>

/** An answer of a length as most have, to a prompt of this many tokens: what `cheapest` is explained by. */
const PROMPT_TOKENS = 1_000

export type ExplainedRoute = ReturnType<typeof explainRoute>

/** In which order a model's deployments would be asked at this moment, and why each has its place or none. */
export function explainRoute(house: Needs, asked: Readonly<{ model: string; key?: string }>) {
  const route = house.catalog.route(asked.model)
  if (route === undefined) throw modelNotFound(asked.model)
  const { attemptsMax } = house.catalog.settings()
  const key = asked.key === undefined ? undefined : keyNamed(house, asked.key)
  const within = key === undefined ? route : routeFor(key, route)
  const order = orderOf(house.traffic, within, {
    countMax: Infinity,
    pick: (ready, { model, picks }) => {
      arrange(ready, model.strategy, circumstancesOf(house, picks.next))
    },
  })
  const all = route.stages.flatMap(({ groups }) => groups.flat())
  const { id, strategy, affinity } = route.model
  return {
    model: asked.model,
    answered_by: id,
    strategy,
    affinity,
    attempts_max: attemptsMax,
    key: key === undefined ? null : explainedKey(key, asked.model, id),
    order: order.slice(0, attemptsMax).map((candidate, index) => ({
      place: index + 1,
      ...explained(house, route, candidate),
    })),
    left_out: [
      ...order.slice(attemptsMax).map((candidate) => ({
        ...explained(house, route, candidate),
        reason: `behind the ${attemptsMax} attempts that a request may have (limits.attempts_max)`,
      })),
      ...all
        .filter((one) => !order.includes(one))
        .map((candidate) => ({
          ...explained(house, route, candidate),
          ...(!isIn(within, candidate) && { reason: 'the key may not use this model' }),
        })),
    ],
  }
}

function keyNamed({ keys }: Needs, name: string): KeyRecord {
  const key = keys.withId(name)
  if (key === undefined) throw new Failure('not_found', `There is no key '${name}'.`)
  return key
}

const explainedKey = (key: KeyRecord, asked: string, model: string) => ({
  ...{ id: key.id, account: key.account },
  may_use: key.role === 'user' && mayUse(key, asked, model),
})

const isIn = ({ stages }: RoutedModel, { model }: Candidate): boolean =>
  stages.some((stage) => stage.model === model)

const circumstancesOf = ({ traffic }: Needs, turn: number): Circumstances => ({
  ...{ traffic, chance: undefined, turn, tier: undefined },
  usage: textUsage(PROMPT_TOKENS, OUTPUT_LIKELY),
})

function explained(house: Needs, route: RoutedModel, candidate: Candidate) {
  const { deployment, model } = candidate
  const { kind, reason, untilTicks } = house.traffic.stateOf(deployment)
  const waitMs = untilTicks === undefined ? null : Math.max(untilTicks - house.clock.ticksMs(), 0)
  const firstByteMs = house.traffic.firstByteMs(deployment)
  return {
    deployment: deployment.id,
    provider: deployment.provider,
    key_index: deployment.keyIndex,
    model: model.id,
    priority: deployment.priority,
    state: kind,
    state_reason: reason ?? null,
    asked_again_in_ms: waitMs === null ? null : Math.round(waitMs),
    weight: deployment.weight,
    in_flight: house.traffic.inFlight(deployment),
    first_token_ms: firstByteMs === undefined ? null : Math.round(firstByteMs),
    credits: formatCredits(micro(BigInt(rankOf(candidate, 'cheapest', circumstancesOf(house, 0))))),
    reason: reasonFor(house, route, candidate),
  }
}

/** In words: of which model, at which priority, by what the strategy goes, and what stands in its way. */
function reasonFor(house: Needs, route: RoutedModel, candidate: Candidate): string {
  const stage = route.stages.find(({ groups }) => groups.some((group) => group.includes(candidate)))
  if (stage === undefined) return ''
  const { kind, reason } = house.traffic.stateOf(candidate.deployment)
  const isReady = kind === 'ready'
  return [
    ...(stage.model === route.model ? [] : [`fallback ${stage.model.id}`]),
    ...(isReady ? [] : [reason === undefined ? kind : `${kind}: ${reason}`]),
    ...(stage.groups.length > 1 ? [`priority ${candidate.deployment.priority}`] : []),
    ...strategyReasons(house, stage, candidate),
  ].join('; ')
}

function strategyReasons(house: Needs, stage: Stage, candidate: Candidate): string[] {
  const group = stage.groups.find((one) => one.includes(candidate)) ?? []
  if (group.length === 1) return ['the only one of its priority']
  const { strategy, affinity } = stage.model
  const reason = strategyReason(house, group, candidate)
  if (!affinity) return [reason]
  const { provider, upstreamModel } = candidate.deployment
  const peers = group.filter(
    ({ deployment: one }) => one.provider === provider && one.upstreamModel === upstreamModel,
  )
  const count = spreads(strategy) ? group.length : peers.length
  if (count === 1) return [reason]
  return [reason, `each conversation stays with one of ${count} (affinity)`]
}

function strategyReason(
  { traffic }: Needs,
  group: readonly Candidate[],
  { deployment, model }: Candidate,
): string {
  switch (model.strategy) {
    case 'priority':
      return 'as listed'
    case 'weighted': {
      const sum = group.reduce((total, one) => total + one.deployment.weight, 0)
      return `weight ${deployment.weight} of ${sum}`
    }
    case 'round-robin':
      return 'in turn'
    case 'least-busy':
      return `${traffic.inFlight(deployment)} in flight`
    case 'fastest': {
      const ms = traffic.firstByteMs(deployment)
      return ms === undefined
        ? 'first token not measured yet'
        : `first token after ${Math.round(ms)} ms`
    }
    case 'cheapest':
      return `by its cost for ${PROMPT_TOKENS} tokens in and ${OUTPUT_LIKELY} out`
  }
}
