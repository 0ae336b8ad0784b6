import { z } from 'zod'
import { invalidRequest, type Failure } from '../domain/failure.ts'
import { MISSING } from './fields.ts'

/** Reads what was sent by its schema, or says in one sentence what is wrong with it, and with which field. */
export function readInput<Schema extends z.ZodType>(
  schema: Schema,
  input: unknown,
): z.output<Schema> {
  const read = schema.safeParse(input, { reportInput: true, error: wordsFor })
  if (read.success) return read.data
  throw refusalOf(first(read.error.issues), schema)
}

/** A field that does not exist says more about a mistake than one that was not sent. */
const first = (issues: readonly z.core.$ZodIssue[]): z.core.$ZodIssue | undefined =>
  issues.find(({ code }) => code === 'unrecognized_keys') ?? issues[0]

function refusalOf(issue: z.core.$ZodIssue | undefined, schema: z.ZodType): Failure {
  const param = issue?.path.map(String).join('.') ?? ''
  if (issue === undefined || (param === '' && issue.code === 'invalid_type'))
    return invalidRequest('Send a JSON object.')
  if (issue.code === 'unrecognized_keys') {
    const [name = ''] = issue.keys
    const within = param === '' ? name : `${param}.${name}`
    return invalidRequest(`There is no field '${within}'.${fieldsOf(schema, issue.path)}`, within)
  }
  // What is in a list is named by the list.
  const named = String(issue.path[0] ?? '')
  if (issue.code === 'invalid_type' && issue.input === undefined)
    return invalidRequest(`'${param}' ${MISSING}`, param)
  const where = issue.path.some((step) => typeof step === 'number') ? named : param
  return where === ''
    ? invalidRequest(issue.message)
    : invalidRequest(`'${where}' ${issue.message}`, where)
}

/** For what a form has no words of its own. */
const wordsFor = (issue: z.core.$ZodRawIssue): string | undefined =>
  issue.code === 'invalid_type' ? `must be ${KINDS[issue.expected] ?? issue.expected}.` : undefined

const KINDS: Readonly<Record<string, string>> = {
  object: 'a JSON object',
  record: 'a JSON object',
  array: 'a list',
  string: 'a string',
  boolean: 'true or false',
  number: 'a number',
  int: 'a whole number',
}

function fieldsOf(schema: z.ZodType, path: readonly PropertyKey[]): string {
  let at: unknown = bare(schema)
  for (const step of path) at = at instanceof z.ZodObject ? bare(at.shape[String(step)]) : undefined
  if (!(at instanceof z.ZodObject)) return ''
  const names = Object.keys(at.shape)
  return names.length === 0 ? ' There are none.' : ` Fields: ${names.join(', ')}.`
}

/** Without what stands around it: that it may be left out, and what is made of it. */
function bare(schema: unknown): unknown {
  if (schema instanceof z.ZodPipe) return bare(schema.in)
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable)
    return bare(schema.unwrap())
  return schema
}
