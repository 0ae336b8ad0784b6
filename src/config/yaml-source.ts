// The text of gateway.yaml → plain values, and the way back from a value to its line. Every scalar stays text (YAML's
// failsafe schema): 0.1 is never a float, and what a word means is decided in one place, by schema.ts.
import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  type Document,
  type ParsedNode,
} from 'yaml'
import { interpolate } from './interpolate.ts'
import { pathText, type Path, type Report } from './problem.ts'
import { isSecretName, type Variables } from './variables.ts'

export type Source = Readonly<{
  file: string
  /** Maps as objects, sequences as arrays, scalars as strings; what is empty or unset is undefined. */
  value: unknown
  /** The line of the key or item at this place, or of the nearest one around it. */
  lineOf: (path: Path) => number | undefined
  /** The variables that a place, or one inside it, asked for in vain. */
  unsetAt: (path: Path) => readonly string[]
}>

type Reader = Readonly<{
  document: Document.Parsed
  variables: Variables
  unset: Map<string, readonly string[]>
  report: (path: Path, message: string, fix: string) => void
}>

const DEPTH_MAX = 16

export function readYaml(
  { file, text }: Readonly<{ file: string; text: string }>,
  { variables, report }: Readonly<{ variables: Variables; report: Report }>,
): Source | undefined {
  const lines = new LineCounter()
  const options = { schema: 'failsafe', lineCounter: lines, prettyErrors: false } as const
  const document = parseDocument(text, options)
  const lineAt = (offset: number): number => lines.linePos(offset).line
  if (document.errors.length > 0) {
    reportSyntax(document, (offset, message, fix) => {
      report({ file, line: lineAt(offset), path: '', message, fix })
    })
    return undefined
  }
  const lineOf = (path: Path): number | undefined => lineAt(offsetOf(document, path))
  const unset = new Map<string, readonly string[]>()
  const value = valueOf(document.contents, [], {
    document,
    variables,
    unset,
    report: (path, message, fix) => {
      report({ file, line: lineOf(path), path: pathText(path), message, fix })
    },
  })
  return { file, value, lineOf, unsetAt: (path) => namesUnder(pathText(path), unset) }
}

/**
 * One error breaks the reading of everything behind it, so only the first is worth telling, and every repeated key.
 * The parser's own messages quote the text, which may be a key: they end before that.
 */
function reportSyntax(
  { errors }: Document.Parsed,
  report: (offset: number, message: string, fix: string) => void,
): void {
  const repeated = errors.filter(({ code }) => code === 'DUPLICATE_KEY')
  const others = errors.filter(({ code }) => code !== 'DUPLICATE_KEY')
  for (const { pos } of repeated) report(pos[0], 'this key stands here twice', 'keep one of them')
  for (const { pos, message } of others.slice(0, 1)) {
    const fix = 'check the indentation, and put quotes around ${…} inside { } and [ ]'
    report(pos[0], `is not valid YAML (${message.replace(/[:"'`][^]*$/, '').trim()})`, fix)
  }
}

function valueOf(node: ParsedNode | null, path: Path, reader: Reader): unknown {
  if (node === null) return undefined
  if (path.length > DEPTH_MAX) {
    reader.report(path, 'is nested too deeply', 'let no alias contain itself')
    return undefined
  }
  if (isAlias(node)) {
    const target = resolved(node, reader.document)
    if (target === null) reader.report(path, 'names an anchor that is not above it', 'correct it')
    return valueOf(target, path, reader)
  }
  if (isSeq(node)) return node.items.map((item, index) => valueOf(item, [...path, index], reader))
  if (!isMap(node)) return textOf(node, path, reader)
  const entries = node.items.map(({ key, value }) => {
    const name = isScalar(key) ? String(key.value) : String(key)
    return [name, valueOf(value, [...path, name], reader)] as const
  })
  return Object.fromEntries(entries)
}

function resolved(node: ParsedNode, document: Document.Parsed): ParsedNode | null {
  return isAlias(node) ? ((node.resolve(document) as ParsedNode | undefined) ?? null) : node
}

function textOf(node: ParsedNode, path: Path, reader: Reader): string | undefined {
  const raw = isScalar(node) ? String(node.value) : ''
  const isEmpty = isScalar(node) && node.type === 'PLAIN' && /^(?:~|null|)$/i.test(raw)
  if (isEmpty) return undefined
  if (!raw.includes('$')) return raw
  const isKeys = isApiKeys(path)
  const { text, unset, malformed } = interpolate(raw, (name) => {
    if (isKeys) return reader.variables.secret(name)
    if (!isSecretName(name)) return reader.variables.plain(name)
    const fix = 'use secrets in api_keys only; everything else here may be shown'
    reader.report(path, `puts the secret ${name} where it can be seen`, fix)
    return ''
  })
  if (malformed.length > 0) {
    reader.report(path, 'has a ${…} that cannot be read', 'write ${NAME} or ${NAME:-default}')
  }
  if (unset.length > 0) recordUnset(unset, path, reader)
  const isAbsent = text.trim() === '' || (unset.length > 0 && !isKeys)
  return isAbsent ? undefined : text
}

function recordUnset(names: readonly string[], path: Path, { unset, report }: Reader): void {
  unset.set(pathText(path), names)
  const isOptional =
    path[0] === 'providers' && ['base_url', 'api_keys', 'headers'].includes(String(path[2]))
  const fix = 'set it, or give it a default: ${NAME:-default}'
  if (!isOptional) report(path, `needs ${names.join(', ')}, which is not set`, fix)
}

function namesUnder(
  place: string,
  unset: ReadonlyMap<string, readonly string[]>,
): readonly string[] {
  const names = [...unset].flatMap(([path, found]) =>
    path === place || path.startsWith(`${place}[`) || path.startsWith(`${place}.`) ? found : [],
  )
  return [...new Set(names)]
}

const isApiKeys = (path: Path): boolean => path[0] === 'providers' && path[2] === 'api_keys'

/** Where the deepest part of the path that exists begins: of a pair its key, of an item itself. */
function offsetOf(document: Document.Parsed, path: Path): number {
  let node: ParsedNode | null = document.contents
  let offset = node?.range[0] ?? 0
  for (const step of path) {
    if (node !== null) node = resolved(node, document)
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === step)
      if (pair === undefined) return offset
      offset = pair.key.range[0]
      node = pair.value
    } else {
      const item = isSeq(node) && typeof step === 'number' ? node.items[step] : undefined
      if (item === undefined) return offset
      offset = item.range[0]
      node = item
    }
  }
  return offset
}
