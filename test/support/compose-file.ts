import fs from 'node:fs'
import path from 'node:path'
import { parse } from 'yaml'
import { root } from './gateway-process.ts'

export type ComposeService = Readonly<{
  container_name?: string
  image?: string
  build?: unknown
  command?: readonly string[]
  labels?: readonly string[]
  environment?: Readonly<Record<string, string>>
  env_file?: string
  ports?: readonly string[]
  volumes?: readonly string[]
  profiles?: readonly string[]
  networks?: unknown
  user?: string
  read_only?: boolean
  privileged?: boolean
  cap_drop?: readonly string[]
  security_opt?: readonly string[]
  stop_grace_period?: string
  restart?: string
  logging?: unknown
  healthcheck?: Readonly<{ test: readonly string[]; interval: string }>
}>

export type ComposeFile = Readonly<{
  services: Readonly<Record<string, ComposeService>>
  networks: Readonly<Record<string, Readonly<{ name?: string }>>>
}>

export const COMPOSE = 'docker-compose.prod.yml'

export const textOf = (name: string): string => fs.readFileSync(path.join(root, name), 'utf8')

/** `${NAME}`, `${NAME:-default}` and `${NAME:?message}`, with `$$` for a dollar: what both versions of compose know. */
const VARIABLE = /\$(?:\$|\{([A-Z0-9_]+)(?::([-?])([^}]*))?\})/g

/** The variables of a compose file, each with its default if it has one. */
export function variablesOf(text: string): ReadonlyMap<string, string | undefined> {
  const found = new Map<string, string | undefined>()
  for (const [, name, operator, word] of text.matchAll(VARIABLE)) {
    if (name !== undefined) found.set(name, operator === '-' ? word : undefined)
  }
  return found
}

function interpolate(text: string, env: Readonly<Record<string, string>>): string {
  return text.replace(VARIABLE, (whole, name?: string, operator?: string, word?: string) => {
    if (name === undefined) return '$'
    const value = env[name]
    if (value !== undefined && value !== '') return value
    if (operator === '-') return word ?? ''
    throw new Error(`${whole} is not set`)
  })
}

/** What compose makes of the file. Values are put in as text before it is read, which none of ours minds. */
export function readCompose(env: Readonly<Record<string, string>>, name = COMPOSE): ComposeFile {
  return parse(interpolate(textOf(name), env), { merge: true }) as ComposeFile
}

/** `key=value` lines as a map; a key that is there twice is an error. */
export function pairsOf(lines: readonly string[]): ReadonlyMap<string, string> {
  const pairs = new Map<string, string>()
  for (const line of lines) {
    const at = line.indexOf('=')
    const key = at === -1 ? line : line.slice(0, at)
    if (pairs.has(key)) throw new Error(`${key} is there twice`)
    pairs.set(key, at === -1 ? '' : line.slice(at + 1))
  }
  return pairs
}
