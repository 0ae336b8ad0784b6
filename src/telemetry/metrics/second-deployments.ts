import type { Registry } from 'prom-client'
import type { Model } from '../../domain/model.ts'
import type { ContinuationResult, Events, HedgeResult } from '../../ports/events.ts'
import { Counts } from './counts.ts'

const HEDGED: readonly HedgeResult[] = ['won', 'lost', 'failed', 'left']
const CONTINUED: readonly ContinuationResult[] = ['went_on', 'failed', 'nobody', 'left']

/** Deployments that were asked beside another, or to go on where another broke off; models as labels name them. */
export function secondDeployments(
  registry: Registry,
  { models, nameOf }: Readonly<{ models: readonly Model[]; nameOf: (id: string) => string }>,
): Pick<Events, 'hedged' | 'continued'> {
  const hedges = new Counts({
    name: 'api_gateway_hedges_total',
    help: 'Requests for which a second deployment was asked beside the first; result: won, lost, failed, or left.',
    ...{ labels: ['model', 'result'], registry },
  })
  const continuations = new Counts({
    name: 'api_gateway_continuations_total',
    help: 'Streams that broke off and were to go on elsewhere; result: went_on, failed, nobody, or left.',
    ...{ labels: ['model', 'result'], registry },
  })
  // There from the start, because a rate is not seen of what appears with its first event.
  for (const { id, hedge, continuesCutStreams } of models) {
    if (hedge !== undefined) for (const result of HEDGED) hedges.of(id, result)
    if (continuesCutStreams === true) for (const result of CONTINUED) continuations.of(id, result)
  }
  return {
    hedged(model, result) {
      hedges.of(nameOf(model), result).value++
    },
    continued(model, result) {
      continuations.of(nameOf(model), result).value++
    },
  }
}
