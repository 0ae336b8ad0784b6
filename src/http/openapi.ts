import { z } from 'zod'
import { exampleOf } from './example-of.ts'
import { time } from './forms.ts'
import type { Access, Route } from './route.ts'

/** Of the interface, not of the program: it grows when clients have to change. */
const API_VERSION = '1.0.0'

/** The OpenAPI 3.1 document of a table of routes: what the router reads by is what it says. */
export function openApiOf(table: readonly Route[]) {
  const paths: Record<string, Record<string, object>> = {}
  for (const route of table) {
    const path = route.path.replaceAll('*}', '}')
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationOf(route) }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Tollgate',
      version: API_VERSION,
      description: 'An LLM API gateway with token accounting.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
    tags: [...new Set(table.map(tagOf))].map((name) => ({ name })),
    paths,
    components: { securitySchemes: SECURITY_SCHEMES, schemas: ERRORS },
  }
}

export type OpenApi = ReturnType<typeof openApiOf>

/** What a route is about: the first word of its path that says so. */
function tagOf({ path }: Route): string {
  const [first = '', second = ''] = path.split('/').slice(1)
  return first === 'v1' || first === 'admin' ? `${first} ${second}` : first || 'gateway'
}

const SECURITY_SCHEMES = {
  bearer: { type: 'http', scheme: 'bearer', description: 'A key, a session, or an issuer’s token' },
  apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key' },
} as const

const WHO: Readonly<Record<Access, string>> = {
  public: 'For everybody.',
  known: 'For everybody who is known by a credential.',
  user: 'For users, whose account it is about.',
  viewer: 'For the staff.',
  support: 'For the staff, from `support` on.',
  admin: 'For the staff, from `admin` on.',
  owner: 'For owners.',
}

function operationOf(route: Route): object {
  const { access, summary, description, body, status = 200 } = route
  return {
    operationId: operationId(route),
    tags: [tagOf(route)],
    summary,
    description: [description, WHO[access]].filter(Boolean).join(' '),
    'x-role': access,
    ...(access === 'public' ? { security: [] } : { security: [{ bearer: [] }, { apiKey: [] }] }),
    parameters: parametersOf(route),
    ...(body !== undefined && {
      requestBody: {
        required: true,
        content: { 'application/json': shown(schemaOf(body, 'input')) },
      },
    }),
    responses: {
      [status]: { description: 'Done', content: contentOf(route) },
      default: { description: 'Refused', content: jsonOf(refusalOf(route)) },
    },
  }
}

function contentOf({ answer, type, alsoAs }: Route): object {
  const json = answer instanceof z.ZodString ? 'text/plain' : 'application/json'
  return {
    [type ?? json]: shown(schemaOf(answer, 'output')),
    ...(alsoAs !== undefined && { [alsoAs]: shown({ type: 'string' }) }),
  }
}

const refusalOf = ({ path }: Route) => ({
  $ref: `#/components/schemas/${path.startsWith('/v1/') ? 'Error' : 'GatewayError'}`,
})

const jsonOf = (schema: object) => ({ 'application/json': { schema } })
const shown = (schema: object) => ({ schema, example: exampleOf(schema) })

/** `postAdminKeysByKeyRotate` */
const operationId = ({ method, path }: Route): string =>
  method.toLowerCase() +
  path
    .replace(/[{*}]/g, (mark) => (mark === '{' ? 'By-' : ''))
    .split(/[^A-Za-z0-9]+/)
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('')

function parametersOf(route: Route): object[] {
  const inPath = [...route.path.matchAll(/\{(\w+)\*?\}/g)].map(([, name = '']) => ({
    ...{ name, in: 'path', required: true },
    ...described(propertiesOf(route.params)[name] ?? { type: 'string' }),
  }))
  const required = new Set(route.query && (schemaOf(route.query, 'input') as Properties).required)
  const inQuery = Object.entries(propertiesOf(route.query)).map(([name, schema]) => ({
    ...{ name, in: 'query', required: required.has(name), ...described(schema) },
  }))
  return [...inPath, ...inQuery, ...(isWrite(route) ? [IDEMPOTENCY_KEY] : [])]
}

const isWrite = ({ method, access }: Route): boolean => method !== 'GET' && access !== 'public'

const IDEMPOTENCY_KEY = {
  ...{ name: 'Idempotency-Key', in: 'header', required: false },
  description: 'Repeats under the same key are one call; whatever moves credit needs one.',
  schema: { type: 'string', maxLength: 255 },
}

type Properties = Readonly<{
  properties?: Readonly<Record<string, object>>
  required?: readonly string[]
}>

const propertiesOf = (form: z.ZodType | undefined): Readonly<Record<string, object>> =>
  (form && (schemaOf(form, 'input') as Properties).properties) ?? {}

const described = (schema: object) => {
  const { description, ...rest } = schema as { description?: string }
  return { ...(description !== undefined && { description }), schema: rest }
}

function schemaOf(form: z.ZodType, io: 'input' | 'output'): object {
  const { $schema: _dialect, ...schema } = z.toJSONSchema(form, { io, unrepresentable: 'any' })
  return schema
}

const errorForm = z.object({
  error: z.object({
    message: z.string().meta({ description: 'What is wrong, and what to do next' }),
    type: z.string(),
    param: z.string().nullable().meta({ description: 'The field that is wrong' }),
    code: z.string().nullable(),
  }),
})

const ERRORS = {
  Error: schemaOf(errorForm, 'output'),
  GatewayError: schemaOf(
    errorForm.extend({
      detail: z.string().meta({ description: 'The same as `error.message`' }),
      type: z.string().meta({ description: 'The same as `error.type`' }),
      timestamp: time,
    }),
    'output',
  ),
}
