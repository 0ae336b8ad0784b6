/** The label that stands for everything beyond what is known, or beyond what there is room for. */
export const OTHER = 'other'

/** Far more than a gateway needs, and little enough that no flood of new labels fills the memory here or in Prometheus. */
const SERIES_MAX = 2_000

export type Labelled<Child> = Readonly<{ labels: Readonly<Record<string, string>>; child: Child }>

/**
 * The children of one metric, by the values of its labels. Whoever observes often keeps the child that it was given:
 * then an observation is a few additions, a twentieth of what finding the child anew each time would cost.
 */
export class Series<Child> {
  readonly #names: readonly string[]
  readonly #make: () => Child
  readonly #children = new Map<string, Labelled<Child>>()

  constructor(names: readonly string[], make: () => Child) {
    this.#names = names
    this.#make = make
  }

  /** In the order of the names. When there are too many, all that is new counts as one more, called `other`. */
  of(values: readonly string[]): Child {
    const known = this.#children.get(values.join('\n'))
    if (known !== undefined) return known.child
    const isFull = this.#children.size >= SERIES_MAX
    const kept = isFull ? this.#names.map(() => OTHER) : values
    const id = kept.join('\n')
    const labelled = this.#children.get(id) ?? { labels: this.#labels(kept), child: this.#make() }
    this.#children.set(id, labelled)
    return labelled.child
  }

  all(): Labelled<Child>[] {
    return [...this.#children.values()]
  }

  #labels(values: readonly string[]): Record<string, string> {
    return Object.fromEntries(this.#names.map((name, at) => [name, values[at] ?? '']))
  }
}
