import { z } from 'zod'
import { invalidRequest, type Failure } from '../domain/failure.ts'
import { MISSING } from './fields.ts'

/** Reads what was sent by its schema, or says in one sentence what is wrong with it, and with which field. */
export function readInput<Schema extends z.ZodType>(
  schema: Schema,
  input: unknown,
): z.output<Schema> {
  const read = schema.safeParse(input, { reportInput: true })
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
  return invalidRequest(where === '' ? issue.message : `'${where}' ${issue.message}`, where)
}

function fieldsOf(schema: z.ZodType, path: readonly PropertyKey[]): string {
  const object = schema instanceof z.ZodPipe ? schema.in : schema
  if (path.length > 0 || !(object instanceof z.ZodObject)) return ''
  const names = Object.keys(object.shape)
  return names.length === 0 ? ' There are none.' : ` Fields: ${names.join(', ')}.`
}
