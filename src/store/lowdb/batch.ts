import type { Entry } from '../../domain/entry.ts'

/** Entries that reach the disk together. */
export type Batch = Readonly<{
  entries: Entry[]
  landed: PromiseWithResolve<void>
  /** How the first try went: a hold does not wait for a full disk, a settle does. */
  firstTry: PromiseWithResolve<'landed' | 'failed'>
}>

type PromiseWithResolve<T> = { readonly promise: Promise<T>; readonly resolve: (value: T) => void }

export const newBatch = (): Batch => ({ entries: [], landed: resolvable(), firstTry: resolvable() })

/** False while there is no room for it; what has landed in the end has landed. */
export const hasLanded = async (batch: Batch | undefined): Promise<boolean> =>
  (await Promise.race([batch?.landed.promise, batch?.firstTry.promise])) !== 'failed'

function resolvable<T>(): PromiseWithResolve<T> {
  let resolve: (value: T) => void = () => undefined
  const promise = new Promise<T>((accept) => {
    resolve = accept
  })
  return { promise, resolve }
}
