/** Request ids of a run count up behind its name: the run and a number are a small and sorted way to keep them. */
export type SplitId = Readonly<{ run: string; count: number }>

const COUNT_DIGITS = 10

/** An id of any other form is a run of its own. */
export function splitId(id: string): SplitId {
  const digits = id.slice(-COUNT_DIGITS)
  if (!/^[1-9][0-9]{9}$/.test(digits)) return { run: id, count: 0 }
  return { run: id.slice(0, -COUNT_DIGITS), count: Number(digits) }
}
