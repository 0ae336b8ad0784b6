import { conversationHash, keepTogether } from '../domain/affinity.ts'
import { likelyPrompt, priceAt } from '../domain/hold.ts'
import { costOf } from '../domain/price.ts'
import type { Candidate, RoutedModel, Stage } from '../domain/route.ts'
import { arrange, type Circumstances } from '../domain/strategy.ts'
import { NO_USAGE, textUsage, type Usage } from '../domain/usage.ts'
import type { DeploymentState } from '../ports/traffic.ts'
import type { Admitted } from './admit.ts'
import type { House } from './house.ts'
import type { Traffic } from './traffic.ts'

/** The deployments to try, in order, and no more than the attempts a request may have. */
export function choose(house: House, admitted: Admitted): readonly Candidate[] {
  const only = onlyOne(admitted.route)
  if (only !== undefined && !house.traffic.isSwitchedOff(only.deployment)) return [only]
  const { attemptsMax } = house.catalog.settings()
  const order = orderOf(house.traffic, admitted.route, {
    countMax: attemptsMax,
    pick: (ready, stage) => {
      pickFrom(ready, { stage, house, admitted })
    },
  })
  if (order.length > attemptsMax) order.length = attemptsMax
  return order
}

/** Where there is nobody to choose from. */
function onlyOne({ stages }: RoutedModel): Candidate | undefined {
  const [stage] = stages
  const [group] = stage?.groups ?? []
  const isOnly = stages.length === 1 && stage?.groups.length === 1 && group?.length === 1
  return isOnly ? group[0] : undefined
}

/** Those that stand behind the ones that were chosen. */
export function chooseBehind(
  house: House,
  admitted: Admitted,
  chosen: readonly Candidate[],
): readonly Candidate[] {
  const order = orderOf(house.traffic, admitted.route, {
    countMax: Infinity,
    pick: (ready, stage) => {
      pickFrom(ready, { stage, house, admitted, isBehind: true })
    },
  })
  return order.filter((candidate) => !chosen.includes(candidate))
}

type Ordering = Readonly<{
  countMax: number
  /** Puts the candidates of one priority that can be asked into order. */
  pick: (ready: Candidate[], stage: Stage) => void
}>

/** What an order goes by, besides the configuration. */
export type KnownTraffic = Pick<Traffic, 'stateOf' | 'inFlight' | 'firstByteMs'>

/**
 * The model's own by their priorities, then its fallbacks' in the same way: those that can be asked now. Behind them, as
 * listed, those that are full, those whose trouble passes by itself, and those whose key was refused: what is left is
 * asked rather than nobody, but for what an operator switched off.
 */
export function orderOf(
  traffic: KnownTraffic,
  { stages }: RoutedModel,
  { countMax, pick }: Ordering,
): Candidate[] {
  const order: Candidate[] = []
  const rest: Candidate[] = []
  for (const stage of stages) {
    for (const group of stage.groups) {
      const ready: Candidate[] = []
      for (const candidate of group) {
        const { kind } = traffic.stateOf(candidate.deployment)
        if (kind === 'ready' || kind === 'probing') ready.push(candidate)
        else rest.push(candidate)
      }
      if (ready.length > 1) pick(ready, stage)
      for (const candidate of ready) order.push(candidate)
      if (order.length >= countMax) return order
    }
  }
  if (rest.length > 0) order.push(...leastBadFirst(traffic, rest))
  return order
}

const BADNESS = { ready: 0, probing: 0, full: 0, cooling: 1, open: 1, off: 2 } as const

function leastBadFirst(traffic: KnownTraffic, rest: readonly Candidate[]): Candidate[] {
  const stateOf = ({ deployment }: Candidate): DeploymentState => traffic.stateOf(deployment)
  return rest
    .filter((candidate) => stateOf(candidate).isSwitchedOff !== true)
    .toSorted((a, b) => BADNESS[stateOf(a).kind] - BADNESS[stateOf(b).kind])
}

type Picking = Readonly<{
  stage: Stage
  house: House
  admitted: Admitted
  /** The request has had its turn. */
  isBehind?: boolean
}>

function pickFrom(ready: Candidate[], picking: Picking): void {
  const { stage, house, admitted, isBehind = false } = picking
  const { model, picks } = stage
  const { strategy, affinity } = model
  const circumstances: Circumstances = {
    traffic: house.traffic,
    chance: house.chance,
    turn: strategy === 'round-robin' && !isBehind ? picks.take() : picks.next,
    usage: strategy === 'cheapest' ? likelyUsage(admitted) : NO_USAGE,
    tier: admitted.request.serviceTier,
  }
  arrange(ready, strategy, circumstances)
  if (!affinity) return
  const { key, request } = admitted
  const conversation = { account: key.account, model: model.id, body: request.body }
  keepTogether(ready, strategy, conversationHash(conversation))
}

/** Most answers end long before their cap. */
export const OUTPUT_LIKELY = 500

const likelyUsage = (admitted: Admitted): Usage =>
  textUsage(
    likelyPrompt(admitted),
    Math.min(admitted.plan.cap, OUTPUT_LIKELY) * admitted.request.choices,
  )

export const likelyCost = (admitted: Admitted, candidate: Candidate): bigint =>
  costOf(likelyUsage(admitted), priceAt(candidate, admitted.request.serviceTier))
