/** Reads an option of a command. */
export function wholeNumber(flag: string, text: string): number {
  const value = Number(text)
  if (Number.isSafeInteger(value) && value > 0) return value
  throw new Error(`${flag} takes a whole number from 1 on, not ${text}. See --help.`)
}
