/** Request ids of a run count up behind its name: the run and a number are a small and sorted way to keep them. */
export type SplitId = Readonly<{ run: string; count: number }>

const COUNT_DIGITS = 10
const COUNT_MIN = 10 ** (COUNT_DIGITS - 1)
const ZERO = 0x30

/** An id of any other form is a run of its own. */
export function splitId(id: string): SplitId {
  const from = id.length - COUNT_DIGITS
  let count = 0
  for (let at = from; at < id.length; at++) {
    const digit = id.charCodeAt(at) - ZERO
    if (!(digit >= 0 && digit <= 9)) return { run: id, count: 0 }
    count = count * 10 + digit
  }
  return count < COUNT_MIN ? { run: id, count: 0 } : { run: id.slice(0, from), count }
}
