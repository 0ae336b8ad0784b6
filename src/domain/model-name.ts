/**
 * What a caller may ask a wildcard for: the names that models of the configuration may have, but for those that have the
 * provider search the web, too. It charges for that besides the tokens, and a wildcard has no price for it.
 */
export const isModelName = (text: string): boolean =>
  /^[\w.~@+-][\w.:/~@+-]{0,199}$/.test(text) && !/:online\b/i.test(text)

/** `openrouter/*`: a name for all that begin like it. */
export const isPattern = (name: string): boolean => name.endsWith('*')

export const prefixOf = (pattern: string): string => pattern.slice(0, -1)

/** What a pattern's `*` stands for in this name; undefined when it does not match. */
export function matchOf(pattern: string, name: string): string | undefined {
  const prefix = prefixOf(pattern)
  return name.length > prefix.length && name.startsWith(prefix)
    ? name.slice(prefix.length)
    : undefined
}

/** By a model of this name, or by a wildcard that it matches. */
export const isServedBy = (models: readonly string[], name: string): boolean =>
  !isPattern(name) &&
  models.some(
    (id) => id === name || (isPattern(id) && isModelName(name) && matchOf(id, name) !== undefined),
  )
