import { setImmediate } from 'node:timers/promises'
import type { Registry } from 'prom-client'
import { Distributions } from './distributions.ts'

/**
 * What a scrape gets. Ninety pairs of models and deployments make 13 000 lines: each metric is written in a turn of its
 * own, so that no stream stands still for all of them.
 */
export async function pageText(registry: Registry): Promise<string> {
  let text = ''
  for (const metric of registry.getMetricsAsArray()) {
    const own = metric instanceof Distributions ? metric.text() : undefined
    text += own ?? `${await registry.getSingleMetricAsString(metric.name)}\n`
    await setImmediate()
  }
  return text
}
