import { Counter, type Registry } from 'prom-client'
import { Series } from './series.ts'

/** A number that only grows. */
export class Count {
  value = 0
}

type CountsSettings = Readonly<{
  name: string
  help: string
  labels?: readonly string[]
  registry: Registry
}>

/** A counter of prom-client as far as a scrape goes; what happens in between are plain additions. */
export class Counts extends Counter {
  readonly #series: Series<Count>

  constructor(settings: CountsSettings) {
    const { name, help, labels = [], registry } = settings
    super({ name, help, labelNames: [...labels], registers: [registry] })
    this.#series = new Series(labels, () => new Count())
    if (labels.length === 0) this.#series.of([])
  }

  of(...values: readonly string[]): Count {
    return this.#series.of(values)
  }

  override async get(): ReturnType<Counter['get']> {
    const values = this.#series.all().map(({ labels, child }) => ({ labels, value: child.value }))
    return { ...(await super.get()), values }
  }
}
