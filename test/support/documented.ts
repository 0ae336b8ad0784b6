import { Ajv2020 } from 'ajv/dist/2020.js'
import { openApiOf } from '../../src/http/openapi.ts'
import { ROUTES } from '../../src/http/routes/routes.ts'
import type { RawAnswer } from './raw.ts'

type Content = Readonly<Record<string, Readonly<{ schema: object }> | undefined>>
type Operation = Readonly<{ responses: Readonly<Record<string, Readonly<{ content: Content }>>> }>

const document = openApiOf(ROUTES)
const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true })
ajv.addSchema({ $id: 'document', ...document })

const patterns = Object.entries(document.paths).map(([path, methods]) => ({
  path,
  methods: methods as Readonly<Record<string, Operation>>,
  pattern: new RegExp(`^${path.replaceAll('.', '\\.').replace(/\{\w+\}/g, '[^/]+')}$`),
}))

/** What the document says that a route answers with, and is not so: empty where all is. Unknown routes are no concern of its. */
export function undocumented(method: string, to: string, answer: RawAnswer): string[] {
  const [asked = ''] = to.split('?')
  const found = patterns.filter(({ pattern }) => pattern.test(asked))
  const place = found.find(({ path }) => path === asked) ?? found[0]
  const operation = place?.methods[method.toLowerCase()]
  if (place === undefined || operation === undefined) return []
  const { content } = operation.responses[answer.status] ?? operation.responses['default'] ?? {}
  const type = (answer.headers['content-type'] ?? '').split(';')[0] ?? ''
  const schema = content?.[type]?.schema
  const where = `${method} ${place.path} ${answer.status}`
  if (schema === undefined) return [`${where}: nothing is said of ${type}`]
  if (type !== 'application/json') return []
  const isSaid = ajv.compile(withinDocument(schema))
  if (isSaid(JSON.parse(answer.body))) return []
  return (isSaid.errors ?? []).map(
    ({ instancePath, message = '', params }) =>
      `${where}${instancePath}: ${message} ${JSON.stringify(params)}`,
  )
}

const withinDocument = (schema: object): object =>
  JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"document#/')) as object
