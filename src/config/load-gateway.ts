import { checkReferences } from './check-references.ts'
import type { Environment, Files, Problem } from './config.ts'
import { parseGateway } from './parse-gateway.ts'
import type { Report } from './problem.ts'
import type { Gateway } from './schema.ts'
import { DEFAULT_FILE } from './settings.ts'
import { readVariables, type Variables } from './variables.ts'
import { readYaml, type Source } from './yaml-source.ts'

type LoadedGateway =
  | Readonly<{ ok: true; gateway: Gateway; source: Source }>
  | Readonly<{ ok: false; problems: readonly Problem[] }>

/** The checked file alone, with all that is off: what prices are compared on. */
export function loadGateway({
  env,
  files,
}: Readonly<{ env: Environment; files: Files }>): LoadedGateway {
  const problems: Problem[] = []
  const report: Report = (problem) => problems.push(problem)
  const variables = readVariables({ env, files, report })
  const file = variables.plain('GATEWAY_CONFIG') ?? DEFAULT_FILE
  const source = readSource(file, files, { variables, report })
  const gateway = source === undefined ? undefined : readGateway(source, report)
  if (source === undefined || gateway === undefined || problems.length > 0) {
    return { ok: false, problems: inOrder(problems) }
  }
  return { ok: true, gateway, source }
}

export function readGateway(source: Source, report: Report): Gateway | undefined {
  checkReferences(source, report)
  return parseGateway(source, report)
}

export function readSource(
  file: string,
  files: Files,
  context: Readonly<{ variables: Variables; report: Report }>,
): Source | undefined {
  const read = files.read(file)
  if (read.kind === 'text') return readYaml({ file, text: read.text }, context)
  const message = read.kind === 'missing' ? 'does not exist' : `cannot be read (${read.reason})`
  const fix = 'start in the folder of the gateway, or set GATEWAY_CONFIG to the path of the file'
  context.report({ file, line: undefined, path: '', message, fix })
  return undefined
}

/** The environment's problems first, then the file's by their lines. */
export function inOrder(problems: readonly Problem[]): readonly Problem[] {
  const rank = ({ file, line }: Problem): number => (file === 'environment' ? -1 : (line ?? 0))
  return problems.toSorted((a, b) => rank(a) - rank(b))
}
