export type Interpolated = Readonly<{
  /** Unset variables leave nothing in their place. */
  text: string
  unset: readonly string[]
  /** References that cannot be read, such as `${lower case}` or one without its end. */
  malformed: readonly string[]
}>

const REFERENCE = /\$\$\{|\$\{([^}]*)(\}?)/g
const BODY = /^([A-Za-z_]\w*)(?::-([^]*))?$/

/** Puts variables into `${NAME}` and `${NAME:-default}`; `$${` stands for `${` itself. */
export function interpolate(
  text: string,
  lookup: (name: string) => string | undefined,
): Interpolated {
  const unset: string[] = []
  const malformed: string[] = []
  const replaced = text.replace(REFERENCE, (whole, body?: string, end?: string) => {
    if (body === undefined) return '${'
    const [, name, fallback] = BODY.exec(body) ?? []
    if (name === undefined || end === '') {
      malformed.push(whole)
      return ''
    }
    const value = lookup(name) ?? fallback
    if (value === undefined) unset.push(name)
    return value ?? ''
  })
  return { text: replaced, unset, malformed }
}
