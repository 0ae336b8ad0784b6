import { priceAt } from './hold.ts'
import type { Deployment } from './model.ts'
import { costOf } from './price.ts'
import type { Candidate } from './route.ts'
import type { Usage } from './usage.ts'

/** How a model picks among its deployments of one priority that can be asked now. */
export const STRATEGIES = [
  'priority', // as listed
  'weighted', // by lot, in proportion to their weights
  'round-robin', // in turn
  'least-busy', // the one with the fewest requests in flight
  'fastest', // the one whose first token comes soonest
  'cheapest', // the one that asks least for this request
] as const

export type Strategy = (typeof STRATEGIES)[number]

/** To these, all deployments are as good as each other; they only share out the load. */
export const spreads = (strategy: Strategy): boolean =>
  strategy === 'weighted' || strategy === 'round-robin' || strategy === 'least-busy'

/** What a pick depends on besides the configuration. */
export type Circumstances = Readonly<{
  traffic: Readonly<{
    inFlight(deployment: Deployment): number
    firstByteMs(deployment: Deployment): number | undefined
  }>
  /** From 0 to 1, drawn anew at each call. Undefined: nothing is left to chance, and the likeliest order comes out. */
  chance: (() => number) | undefined
  /** How many picks came before this one. */
  turn: number
  /** What the request will probably use, in which service tier. */
  usage: Usage
  tier: string | undefined
}>

/** This share of requests goes to another than the fastest, so that one that was slow can show that it no longer is. */
export const EXPLORED_SHARE = 0.05

/** Puts candidates of one priority into the order in which the strategy would try them. */
export function arrange(
  candidates: Candidate[],
  strategy: Strategy,
  circumstances: Circumstances,
): void {
  const { chance, turn } = circumstances
  if (strategy === 'priority') return
  if (strategy === 'weighted' && chance !== undefined) {
    drawLots(candidates, chance)
    return
  }
  if (strategy === 'round-robin') {
    rotate(candidates, turn)
    return
  }
  // Of equals, each comes first as often; equal prices stay as listed, so that the keys of a provider stay together.
  if (strategy !== 'cheapest' && chance !== undefined) shuffle(candidates, chance)
  sortByRank(candidates, strategy, circumstances)
  if (strategy === 'fastest' && chance !== undefined && chance() < EXPLORED_SHARE) {
    const at = 1 + Math.floor(chance() * (candidates.length - 1))
    bringForward(candidates, at, 0)
  }
}

/** The number that a strategy goes by, smallest first; 0 where it goes by none. */
export function rankOf(
  candidate: Candidate,
  strategy: Strategy,
  { traffic, usage, tier }: Circumstances,
): number {
  const { deployment } = candidate
  switch (strategy) {
    case 'priority':
    case 'round-robin':
      return 0
    case 'weighted':
      return -deployment.weight
    case 'least-busy':
      return traffic.inFlight(deployment)
    case 'fastest':
      return traffic.firstByteMs(deployment) ?? untriedRank(traffic.inFlight(deployment))
    case 'cheapest':
      return Number(costOf(usage, priceAt(candidate, tier)))
  }
}

/** Whose speed nobody knows is tried at once, but by one request at a time: it may turn out to be slow. */
const untriedRank = (inFlight: number): number => (inFlight === 0 ? -1 : Infinity)

/** Draws all of them, one after the other, so that a second attempt is drawn as fairly as the first. */
function drawLots(candidates: Candidate[], chance: () => number): void {
  let sum = 0
  for (const { deployment } of candidates) sum += deployment.weight
  for (let place = 0; place < candidates.length - 1; place++) {
    let rest = chance() * sum
    let at = place
    for (; at < candidates.length - 1; at++) {
      rest -= weightAt(candidates, at)
      if (rest < 0) break
    }
    sum -= weightAt(candidates, at)
    bringForward(candidates, at, place)
  }
}

const weightAt = (candidates: readonly Candidate[], at: number): number =>
  candidates[at]?.deployment.weight ?? 0

function shuffle(candidates: Candidate[], chance: () => number): void {
  for (let place = 0; place < candidates.length - 1; place++) {
    bringForward(candidates, place + Math.floor(chance() * (candidates.length - place)), place)
  }
}

function rotate(candidates: Candidate[], turn: number): void {
  for (let at = turn % candidates.length, to = 0; at > 0 && at < candidates.length; at++, to++) {
    bringForward(candidates, at, to)
  }
}

/** There are a handful of them: an insertion sort makes nothing new but the ranks, and keeps equals in their order. */
function sortByRank(candidates: Candidate[], strategy: Strategy, by: Circumstances): void {
  const ranks: number[] = []
  for (const [at, candidate] of candidates.entries()) {
    const rank = rankOf(candidate, strategy, by)
    let place = at
    while (place > 0 && (ranks[place - 1] ?? 0) > rank) place--
    ranks.splice(place, 0, rank)
    bringForward(candidates, at, place)
  }
}

/** Moves one to an earlier place; those between move back by one. */
export function bringForward(candidates: Candidate[], from: number, to: number): void {
  const moved = candidates[from]
  if (moved === undefined || from === to) return
  for (let at = from; at > to; at--) candidates[at] = candidates[at - 1] ?? moved
  candidates[to] = moved
}
