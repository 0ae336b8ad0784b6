import type { Environment, Files } from './config.ts'

const ASSIGNMENT =
  /^[ \t]*(?:export[ \t]+)?([A-Za-z_]\w*)[ \t]*=[ \t]*("(?:\\.|[^"\\])*"|'[^']*'|(?:[^#\n][^\n]*?)?)[ \t]*(?:(?<=[ \t=])#[^\n]*)?$/gms

/**
 * The assignments of a `.env` file: quotes, `export`, comments and quoted line breaks as other readers have them. Not
 * util.parseEnv, which cuts an unquoted value at any `#`: half a password is worse than none.
 */
export function readEnvFile(text: string): Environment {
  const lines = text.replace(/^\uFEFF/, '').replace(/\r\n?/g, '\n')
  const assignments = Array.from(
    lines.matchAll(ASSIGNMENT),
    ([, name = '', value = '']) => [name, unquote(value)] as const,
  )
  return Object.fromEntries(assignments)
}

/** The real environment wins; where it is empty, which is unset, the file is asked. */
export function withEnvFile(env: Environment, text: string): Environment {
  const set = Object.entries(env).filter(([, value]) => value !== undefined && value.trim() !== '')
  return { ...readEnvFile(text), ...Object.fromEntries(set) }
}

/** What an entry point starts from: the process's environment, and under it `.env` where there is one. */
export function readEnvironment(env: Environment, files: Files): Environment {
  const read = files.read('.env')
  if (read.kind === 'unreadable') throw new Error(`.env cannot be read (${read.reason})`)
  return read.kind === 'text' ? withEnvFile(env, read.text) : env
}

function unquote(value: string): string {
  if (/^'.*'$/s.test(value)) return value.slice(1, -1)
  if (!/^".*"$/s.test(value)) return value
  return value.slice(1, -1).replace(/\\(.)/gs, (_, char: string) => (char === 'n' ? '\n' : char))
}
