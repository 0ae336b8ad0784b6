import { z } from 'zod'
import { closest } from './did-you-mean.ts'
import { pathText, type Path, type Report } from './problem.ts'
import { gatewaySchema, type Gateway } from './schema.ts'
import type { Source } from './yaml-source.ts'

type Issue = z.core.$ZodIssue
type Complaint = Readonly<{ path: Path; message: string; fix: string }>

/** The file by its schema, or undefined once everything that is wrong with it is reported. */
export function parseGateway(source: Source, report: Report): Gateway | undefined {
  const parsed = gatewaySchema.safeParse(source.value ?? {})
  if (parsed.success) return parsed.data
  for (const complaint of parsed.error.issues.flatMap((issue) => complaintsOf(issue, [], source))) {
    const { path, message, fix } = complaint
    report({ file: source.file, line: source.lineOf(path), path: pathText(path), message, fix })
  }
  return undefined
}

function complaintsOf(issue: Issue, prefix: Path, source: Source): readonly Complaint[] {
  const path = [
    ...prefix,
    ...issue.path.map((step) => (typeof step === 'number' ? step : String(step))),
  ]
  const value = valueAt(source.value, path)
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => unknownKey(path, key))
    case 'invalid_union':
      return complaintsOfUnion(issue, path, source)
    case 'invalid_key':
      return issue.issues.flatMap((inner) => complaintsOf({ ...inner, path: [] }, path, source))
    case 'invalid_value':
      if (value === undefined) return missing(path, source)
      return [notOneOf(path, issue.values.map(String), value)]
    case 'invalid_type':
      return value === undefined ? missing(path, source) : [wrongKind(path, issue.expected)]
    case 'too_small':
      return [{ path, message: 'is empty', fix: 'give it at least one entry' }]
    case 'custom':
    case 'invalid_element':
    case 'invalid_format':
    case 'not_multiple_of':
    case 'too_big':
      return [{ path, message: issue.message, fix: fixOf(issue) }]
  }
}

function unknownKey(path: Path, key: string): Complaint {
  const known = keysAt(gatewaySchema, path)
  const meant = closest(key, known)
  const fix = meant === undefined ? `use one of ${known.join(', ')}` : `did you mean ${meant}?`
  return { path: [...path, key], message: 'is not a known key', fix }
}

/** The only union is the price: `free`, or a map; what is wrong with the map is what to tell. */
function complaintsOfUnion(
  issue: z.core.$ZodIssueInvalidUnion,
  path: Path,
  source: Source,
): readonly Complaint[] {
  const value = valueAt(source.value, path)
  if (value === undefined) return missing(path, source)
  if (typeof value === 'object') {
    return (issue.errors.at(-1) ?? []).flatMap((inner) => complaintsOf(inner, path, source))
  }
  const fix = 'write { input: 2.5, output: 10 } in US dollars per million tokens, or free'
  return [{ path, message: 'is not a price', fix }]
}

/** Nothing, where a variable is to blame that is reported already. */
function missing(path: Path, { unsetAt }: Source): readonly Complaint[] {
  if (unsetAt(path).length > 0) return []
  const isPrice = path.at(-1) === 'price'
  const fix = isPrice
    ? 'write price: { input: 2.5, output: 10 } in US dollars per million tokens, or price: free'
    : 'add it'
  return [{ path, message: 'is missing', fix }]
}

function notOneOf(path: Path, allowed: readonly string[], value: unknown): Complaint {
  const meant = typeof value === 'string' ? closest(value, allowed) : undefined
  const fix = meant === undefined ? 'write one of them' : `did you mean ${meant}?`
  return { path, message: `is none of ${allowed.join(', ')}`, fix }
}

const KINDS: Readonly<Record<string, string>> = {
  string: 'a single value',
  array: 'a list',
  object: 'a map of keys and values',
  record: 'a map of keys and values',
}

function wrongKind(path: Path, expected: string): Complaint {
  return { path, message: `is not ${KINDS[expected] ?? expected}`, fix: 'see config/gateway.yaml' }
}

function fixOf(issue: Issue): string {
  const fix: unknown = issue.code === 'custom' ? issue.params?.['fix'] : undefined
  return typeof fix === 'string' ? fix : 'see config/gateway.yaml as shipped'
}

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((inner, step) => {
    if (typeof inner !== 'object' || inner === null || !Object.hasOwn(inner, step)) return undefined
    return Object.entries(inner).find(([key]) => key === String(step))?.[1]
  }, value)
}

/** The keys that the schema knows at a place of the file. */
function keysAt(schema: z.core.$ZodType, path: Path): readonly string[] {
  if (schema instanceof z.ZodPrefault || schema instanceof z.ZodDefault)
    return keysAt(schema.unwrap(), path)
  if (schema instanceof z.ZodOptional) return keysAt(schema.unwrap(), path)
  if (schema instanceof z.ZodUnion) return schema.options.flatMap((option) => keysAt(option, path))
  const [step, ...rest] = path
  if (schema instanceof z.ZodArray) return keysAt(schema.element, rest)
  if (schema instanceof z.ZodRecord) return keysAt(schema.valueType, rest)
  if (!(schema instanceof z.ZodObject)) return []
  if (step === undefined) return Object.keys(schema.shape)
  const inner: unknown = schema.shape[step]
  return inner instanceof z.core.$ZodType ? keysAt(inner, rest) : []
}
