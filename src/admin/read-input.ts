import { z } from 'zod'
import { invalidRequest, type Failure } from '../domain/failure.ts'

/** Reads what was sent by its schema, or says in one sentence what is wrong with it, and with which field. */
export function readInput<Schema extends z.ZodType>(
  schema: Schema,
  input: unknown,
): z.output<Schema> {
  const read = schema.safeParse(input)
  if (read.success) return read.data
  throw refusalOf(read.error.issues[0], schema)
}

function refusalOf(issue: z.core.$ZodIssue | undefined, schema: z.ZodType): Failure {
  const param = issue?.path.map(String).join('.') ?? ''
  if (issue === undefined || (param === '' && issue.code === 'invalid_type'))
    return invalidRequest('Send a JSON object.')
  if (issue.code === 'unrecognized_keys') {
    const [name = ''] = issue.keys
    const within = param === '' ? name : `${param}.${name}`
    return invalidRequest(`There is no field '${within}'.${fieldsOf(schema, issue.path)}`, within)
  }
  if (issue.code === 'invalid_type' && issue.input === undefined)
    return invalidRequest(`'${param}' is missing.`, param)
  return invalidRequest(param === '' ? issue.message : `'${param}' ${issue.message}`, param)
}

function fieldsOf(schema: z.ZodType, path: readonly PropertyKey[]): string {
  if (path.length > 0 || !(schema instanceof z.ZodObject)) return ''
  const names = Object.keys(schema.shape)
  return names.length === 0 ? ' There are none.' : ` Fields: ${names.join(', ')}.`
}
