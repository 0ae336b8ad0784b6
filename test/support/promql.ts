/** The names of metrics in a query of Prometheus, each with the labels that are asked of it or grouped by. */
export type Asked = Readonly<{ metrics: readonly string[]; labels: readonly string[] }>

const WORDS = new Set(['and', 'or', 'unless', 'bool', 'offset', 'inf', 'nan'])

export function askedIn(query: string): Asked {
  const labels = new Set<string>()
  const rest = query
    .replace(
      /\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)/g,
      (_, names: string) => {
        for (const name of names.split(',')) if (name.trim() !== '') labels.add(name.trim())
        return ' '
      },
    )
    .replace(/\{([^}]*)\}/g, (_, matchers: string) => {
      for (const [, name = ''] of matchers.matchAll(/(\w+)\s*(?:=~|!~|!=|=)\s*"/g)) labels.add(name)
      return ' '
    })
    .replace(/\[[^\]]*\]/g, ' ')
  const metrics = [...rest.matchAll(/(?<![\w.])[a-zA-Z_:][\w:]*(?!\w|:|\s*\()/g)]
    .map(([name]) => name)
    .filter((name) => !WORDS.has(name.toLowerCase()))
  return { metrics: [...new Set(metrics)], labels: [...labels] }
}
