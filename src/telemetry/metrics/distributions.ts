import { Histogram, type Registry } from 'prom-client'
import { Series } from './series.ts'

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

type Sample = Awaited<ReturnType<Histogram['get']>>['values'][number]

/** A histogram of prom-client as far as a scrape goes; what happens in between are plain additions. */
export class Distributions extends Histogram {
  readonly #settings: DistributionsSettings
  readonly #series: Series<Distribution>
  /** What prom-client says of such a metric besides its values. */
  readonly #bare: Histogram

  constructor(settings: DistributionsSettings) {
    const { name, help, labels = [], buckets, registry } = settings
    super({ name, help, labelNames: [...labels], buckets: [...buckets], registers: [registry] })
    this.#settings = settings
    this.#bare = new Histogram({ name, help, registers: [] })
    this.#series = new Series(labels, () => new Distribution(buckets))
    if (labels.length === 0) this.#series.of([])
  }

  of(...values: readonly string[]): Distribution {
    return this.#series.of(values)
  }

  override async get(): ReturnType<Histogram['get']> {
    const values = this.#series.all().flatMap(({ labels, child }) => this.#samples(labels, child))
    return { ...(await this.#bare.get()), values }
  }

  /** The registry prefers this to `get` where it finds it. */
  getForPromString(): ReturnType<Histogram['get']> {
    return this.get()
  }

  #samples(labels: Readonly<Record<string, string>>, child: Distribution): Sample[] {
    const { name, buckets } = this.#settings
    let below = 0
    const samples = buckets.map((le, at): Sample => {
      below += child.inBucket[at] ?? 0
      return { labels: { ...labels, le }, value: below, metricName: `${name}_bucket` }
    })
    return [
      ...samples,
      { labels: { ...labels, le: '+Inf' }, value: child.count, metricName: `${name}_bucket` },
      { labels, value: child.sum, metricName: `${name}_sum` },
      { labels, value: child.count, metricName: `${name}_count` },
    ]
  }
}
