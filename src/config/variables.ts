import type { Environment, Files } from './config.ts'
import type { Report } from './problem.ts'

/** The environment as the rest of this folder sees it: an empty variable is an unset one, ends are trimmed. */
export type Variables = Readonly<{
  plain: (name: string) => string | undefined
  /** NAME, or the text of the file that NAME_FILE names. */
  secret: (name: string) => string | undefined
}>

/** Names whose values must stay out of everything but the place that needs them. */
export const isSecretName = (name: string): boolean =>
  name === 'ADMIN_FIRST' || /(?:^|_)(?:KEY|KEYS|SECRET|TOKEN|PASSWORD|HEADERS)$/.test(name)

type Sources = Readonly<{ env: Environment; files: Files; report: Report }>

/** Problems of a secret's file are reported once, however often it is asked for. */
export function readVariables({ env, files, report }: Sources): Variables {
  const secrets = new Map<string, string | undefined>()
  const plain = (name: string): string | undefined => setOrNothing(env[name])
  const secret = (name: string): string | undefined => {
    if (!secrets.has(name)) secrets.set(name, readSecret(name, { env, files, report }))
    return secrets.get(name)
  }
  return { plain, secret }
}

function readSecret(name: string, { env, files, report }: Sources): string | undefined {
  const value = setOrNothing(env[name])
  const path = setOrNothing(env[`${name}_FILE`])
  if (path === undefined) return value
  const found = value === undefined ? secretIn(path, files) : BOTH_SET
  if (typeof found === 'string') return found
  report({ file: 'environment', line: undefined, path: `${name}_FILE`, ...found })
  return undefined
}

type Complaint = Readonly<{ message: string; fix: string }>

const BOTH_SET: Complaint = {
  message: 'is set, and so is the variable itself',
  fix: 'keep one of the two',
}

function secretIn(path: string, files: Files): string | Complaint {
  const read = files.read(path)
  if (read.kind === 'missing') {
    return { message: 'names a file that does not exist', fix: 'correct the path' }
  }
  if (read.kind === 'unreadable') {
    const fix = 'let the user that runs the gateway read that file'
    return { message: `names a file that cannot be read (${read.reason})`, fix }
  }
  const secret = setOrNothing(read.text)
  return secret ?? { message: 'names an empty file', fix: 'write the secret into it' }
}

function setOrNothing(value: string | undefined): string | undefined {
  const trimmed = value?.replace(/^\uFEFF/, '').trim()
  return trimmed === '' ? undefined : trimmed
}
