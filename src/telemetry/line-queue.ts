export interface LineQueue<T> {
  push(item: T): void
  /** The oldest items, at most so many. */
  take(count: number): readonly T[]
  size(): number
  /** How many gave way since this was last asked. */
  takeDropped(): number
}

/** First in, first out; when it is full the oldest gives way, because what happens now explains more than what was. */
export function lineQueue<T>(sizeMax: number): LineQueue<T> {
  let items: T[] = []
  let first = 0
  let dropped = 0

  /**
   * What was taken must not be kept: it would outlive every young collection. Moving the rest forward waits until that is
   * the smaller part, or a full queue would be quadratic.
   */
  function compact(): void {
    if (first < items.length - first) return
    items = items.slice(first)
    first = 0
  }

  return {
    push(item) {
      items.push(item)
      if (items.length - first <= sizeMax) return
      first++
      dropped++
      compact()
    },
    take(count) {
      const taken = items.slice(first, first + count)
      first += taken.length
      compact()
      return taken
    },
    size: () => items.length - first,
    takeDropped() {
      const count = dropped
      dropped = 0
      return count
    },
  }
}
