import { Histogram, type Registry } from 'prom-client'
import { Series, type Labelled } from './series.ts'

type DistributionsSettings = Readonly<{
  name: string
  help: string
  labels?: readonly string[]
  /** Upper bounds, ascending, without the infinite one. */
  buckets: readonly number[]
  registry: Registry
}>

/** How often which values were seen. */
export class Distribution {
  sum = 0
  count = 0
  /** One for each bound; what is above all of them is in `count` alone. */
  readonly inBucket: Float64Array
  readonly #bounds: readonly number[]

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds
    this.inBucket = new Float64Array(bounds.length)
  }

  observe(value: number): void {
    this.sum += value
    this.count++
    const bounds = this.#bounds
    for (let at = 0; at < bounds.length; at++) {
      if (value > (bounds[at] ?? Infinity)) continue
      this.inBucket[at] = (this.inBucket[at] ?? 0) + 1
      return
    }
  }
}

/**
 * Histograms, in the registry of prom-client beside everything else. Observing is a few additions, and the text is made
 * here, with the labels written once a series: prom-client makes an object of each line, which takes ten times as long.
 */
export class Distributions extends Histogram {
  readonly #settings: DistributionsSettings
  readonly #series: Series<Distribution>
  readonly #texts = new Map<Distribution, string>()

  constructor(settings: DistributionsSettings) {
    const { name, help, labels = [], buckets, registry } = settings
    super({ name, help, labelNames: [...labels], buckets: [...buckets], registers: [registry] })
    this.#settings = settings
    this.#series = new Series(labels, () => new Distribution(buckets))
    if (labels.length === 0) this.#series.of([])
  }

  of(...values: readonly string[]): Distribution {
    return this.#series.of(values)
  }

  /** In the format that Prometheus reads. */
  text(): string {
    const { name, help } = this.#settings
    let text = `# HELP ${name} ${escaped(help)}\n# TYPE ${name} histogram\n`
    for (const one of this.#series.all()) text += this.#lines(one)
    return text
  }

  #lines({ labels, child }: Labelled<Distribution>): string {
    const { name, buckets } = this.#settings
    let own = this.#texts.get(child)
    if (own === undefined) this.#texts.set(child, (own = labelText(labels)))
    const start = `${name}_bucket{${own}${own === '' ? '' : ','}le="`
    let lines = ''
    let below = 0
    for (let at = 0; at < buckets.length; at++) {
      below += child.inBucket[at] ?? 0
      lines += `${start}${buckets[at] ?? ''}"} ${below}\n`
    }
    const braced = own === '' ? '' : `{${own}}`
    return `${lines}${start}+Inf"} ${child.count}\n${name}_sum${braced} ${child.sum}\n${name}_count${braced} ${child.count}\n`
  }
}

const labelText = (labels: Readonly<Record<string, string>>): string =>
  Object.entries(labels)
    .map(([name, value]) => `${name}="${escaped(value).replaceAll('"', '\\"')}"`)
    .join(',')

const escaped = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
