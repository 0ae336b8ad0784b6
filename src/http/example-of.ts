/** As much of JSON Schema as our forms make. */
type Schema = Readonly<{
  type?: string
  format?: string
  pattern?: string
  const?: unknown
  default?: unknown
  example?: unknown
  enum?: readonly unknown[]
  anyOf?: readonly Schema[]
  properties?: Readonly<Record<string, Schema>>
  items?: Schema
  minimum?: number
}>

/** What fields of these names look like; a schema that has an example of its own says it better. */
const BY_NAME: Readonly<Record<string, unknown>> = {
  id: 'key_HCC3oSrCmXV5',
  keyId: 'key_HCC3oSrCmXV5',
  replaces: 'key_0BZt8UgUa8bQ',
  key: 'key_HCC3oSrCmXV5',
  account: 'anna',
  inviter: 'bob',
  invited_by: 'bob',
  parent: 'acme',
  name: 'anna',
  user: 'anna',
  userId: 'anna',
  tier: 'free',
  time_zone: 'Europe/Berlin',
  note: 'pays late',
  reason: 'a wrong charge',
  by: 'key_0BZt8UgUa8bQ',
  model: 'gpt-4o',
  models: ['gpt-4o'],
  answered_by: 'gpt-4o',
  deployment: 'openai/gpt-4o',
  deployments: ['openai/gpt-4o'],
  provider: 'openai',
  tags: ['bot'],
  markup: '0.2',
  code: '7K2Q9-XM4TA-0B5CD-8WZ3E',
  series: 'series_4pQ0xYwE1mZt',
  hint: '…8WZ3E',
  url: 'https://example.com/hook',
  events: ['low_credit'],
  secret: 'whsec_…',
  password: 'seven quiet gardens',
  sent_to: ['wh_4pQ0xYwE1mZt'],
  expires: '2027-01-31T12:00:00Z',
  amount: '25.5',
  kind: 'credit',
  role: 'user',
  roles: ['admin'],
  webhook: 'wh_4pQ0xYwE1mZt',
  group_by: ['day'],
  problems: [],
  fallbacks: ['gpt-4o-mini'],
  children: ['bob'],
  user_id: 'anna',
  request: 'req_77467b0d7da01000000000',
  state: 'open',
  token: 'eyJ…',
  price: 'p_826867b6a322',
  run: '77467b0d7da0',
  bucket: 'input',
  fault: 'server',
  charged_by: 'usage',
  owned_by: 'openai',
  alarms: ['disk_low'],
  service: 'tollgate',
  version: '1.0.0',
}

/** What one of these looks like, field by field: for documentation. */
export function exampleOf(schema: Schema, name = ''): unknown {
  if (schema.example !== undefined) return schema.example
  if (schema.const !== undefined) return schema.const
  if (schema.enum !== undefined) return schema.default ?? schema.enum[0]
  const known = Object.hasOwn(BY_NAME, name) ? BY_NAME[name] : undefined
  const { anyOf } = schema
  if (anyOf !== undefined) return exampleOf(anyOf.find(isSomething) ?? {}, name)
  if (schema.type === typeof known && schema.format !== 'date-time') return known
  if (schema.type === 'array') {
    const isNamed = Array.isArray(known) && schema.items?.type === 'string'
    return isNamed ? known : [exampleOf(schema.items ?? {})]
  }
  if (schema.default !== undefined) return schema.default
  return plainOf(schema)
}

const isSomething = ({ type }: Schema): boolean => type !== 'null'

function plainOf({ type, properties, minimum, format }: Schema): unknown {
  switch (type) {
    case 'object':
      return Object.fromEntries(
        Object.entries(properties ?? {}).map(([name, one]) => [name, exampleOf(one, name)]),
      )
    case 'string':
      return format === 'date-time' ? '2027-01-31T12:00:00.000Z' : 'text'
    case 'boolean':
      return false
    case 'number':
    case 'integer':
      return Math.max(minimum ?? 0, 0)
    case undefined:
    default:
      return null
  }
}
