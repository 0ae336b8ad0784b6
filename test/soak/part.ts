/** How much of everything. */
export type Scale = Readonly<Record<'aborts' | 'idle' | 'slow' | 'fuzz', number>>

type Plan = Readonly<{ scale: Scale; seed: number; onStep?: (done: number) => void }>

/** Wears the gateway out in one way; throws when it is not what it was, else answers what was seen. */
export type Part = (plan: Plan) => Promise<Readonly<Record<string, number>>>

type Crowd = Readonly<{
  count: number
  atOnce: number
  onStep?: ((done: number) => void) | undefined
}>

/** Does one thing many times, some at a time. */
export async function many(
  { count, atOnce, onStep }: Crowd,
  one: (index: number) => Promise<void>,
): Promise<void> {
  let [next, done] = [0, 0]
  const worker = async (): Promise<void> => {
    while (next < count) {
      await one(next++)
      onStep?.(++done)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
}
