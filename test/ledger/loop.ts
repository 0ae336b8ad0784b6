export type Loop = Readonly<{
  rounds: number
  /** The first round's; each later one has the next. */
  seed: number
  onRound?: (done: number) => void
}>

/** How many operations ended how, by what their callers heard. */
export type Tally = Readonly<Record<'ok' | 'fail' | 'unknown', number>>

type Where = Readonly<{ part: string; seed: number }>

/** A round that fails says where its folder is and how to see it again. */
export async function inFolder<T>(
  folder: string,
  { part, seed }: Where,
  round: () => Promise<T>,
): Promise<T> {
  try {
    return await round()
  } catch (error) {
    const repeat = `npm run test:crash -- --only ${part} --rounds 1 --seed ${seed}`
    const what = error instanceof Error ? error.message : String(error)
    throw new Error(`${what}\n  the data is in ${folder}\n  again: ${repeat}`, { cause: error })
  }
}
