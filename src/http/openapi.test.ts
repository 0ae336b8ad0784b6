import { Validator } from '@seriousme/openapi-schema-validator'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { expect, test } from 'vitest'
import { parseChatRequest } from '../domain/chat-request.ts'
import { OWN_SEGMENTS } from '../domain/service.ts'
import { canonicalUrl } from './canonical-url.ts'
import { docsPage } from './docs-page.ts'
import { openApiOf } from './openapi.ts'
import { ROUTES } from './routes/routes.ts'

const document = openApiOf(ROUTES)
type Operation = Readonly<{ operationId: string; 'x-role': string; security: unknown[] }>
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({
    ...{ path, method: method.toUpperCase(), operation: operation as Operation },
  })),
)

test('the document is OpenAPI 3.1', async () => {
  const { valid, errors } = await new Validator().validate(structuredClone(document))
  expect(errors ?? []).toEqual([])
  expect([valid, document.openapi, document.info]).toMatchObject([
    ...[true, '3.1.0', { title: 'Tollgate', version: '1.0.0' }],
  ])
})

test('every route is in it once, under a name of its own, with its role', () => {
  const listed = operations.map(({ path, method, operation }) => [
    method,
    path,
    operation['x-role'],
  ])
  const routes = ROUTES.map(({ method, path, access }) => [method, path.replace('*}', '}'), access])
  expect(listed.sort()).toEqual(routes.sort())
  expect(new Set(listed.map((one) => one.join(' '))).size).toBe(ROUTES.length)
  expect(new Set(operations.map(({ operation }) => operation.operationId)).size).toBe(ROUTES.length)
})

test('only what is meant to be public is', () => {
  const open = operations.filter(({ operation }) => operation.security.length === 0)
  expect(open.map(({ method, path }) => `${method} ${path}`).sort()).toEqual([
    'GET /',
    'GET /docs',
    'GET /docs/style.css',
    'GET /health',
    'GET /healthz',
    'GET /openapi.json',
    'GET /readyz',
    'POST /auth/login',
  ])
})

test('what is under /admin is for the staff, and what is under /v1 is not', () => {
  for (const { path, access } of ROUTES) {
    const isStaffs = ['viewer', 'support', 'admin', 'owner'].includes(access)
    if (path.startsWith('/admin/')) expect([path, isStaffs]).toEqual([path, true])
    if (path.startsWith('/v1/')) expect([path, isStaffs]).toEqual([path, false])
  }
})

test('what the gateway answers itself is no place for a service', () => {
  const own = ROUTES.map(({ path }) => path.split('/')[1] ?? '').filter((first) => first !== '')
  expect(OWN_SEGMENTS).toEqual(expect.arrayContaining(own))
  const others = OWN_SEGMENTS.filter((first) => !own.includes(first))
  for (const first of others) {
    const paths = [`/${first}`, `/${first}/completions`, `/${first}/v1/models`]
    expect([first, paths.some((path) => canonicalUrl(path).startsWith('/v1/'))]).toEqual([
      first,
      true,
    ])
  }
})

test('the page for people shows every route, and runs nothing', () => {
  const page = docsPage(document)
  for (const { path } of operations) expect(page).toContain(`<code>${path}</code>`)
  expect(page).toContain('streamed with <code>stream</code>')
  expect(page).not.toMatch(/<script|javascript:|\son\w+=|(?:src|href)="(?![/#])|url\(/i)
})

test('every request and answer of /admin says what it is field by field, with an example that is one', () => {
  const ajv = new Ajv2020({ strict: false, validateFormats: false })
  for (const { path, method, operation } of operations) {
    if (!path.startsWith('/admin') && !path.startsWith('/v1/subaccounts')) continue
    for (const [part, { schema, example }] of contentsOf(operation)) {
      const where = `${method} ${path} ${part}`
      expect([where, isTold(schema)]).toEqual([where, true])
      expect([where, ajv.validate(schema, example), ajv.errorsText()]).toEqual([
        ...[where, true, 'No errors'],
      ])
    }
  }
})

test('an example of a request is one that the router reads', () => {
  for (const { path, method, body } of ROUTES) {
    if (body === undefined || !path.startsWith('/admin')) continue
    const operation = operations.find((one) => one.path === path && one.method === method)
    const [[, { example }] = ['', { example: undefined }]] = contentsOf(operation?.operation)
    expect([path, method, body.safeParse(example).error?.message]).toEqual([
      path,
      method,
      undefined,
    ])
  }
})

test('what the document says of a chat is what is read: no more is refused by it, and no less', () => {
  const { schema, example } = contentsOf(
    operations.find(({ path }) => path === '/v1/chat/completions')?.operation,
  )[0]?.[1] ?? { schema: {}, example: undefined }
  const chat = { ...(example as Readonly<Record<string, unknown>>), stream: true }
  const isSaid = new Ajv2020({ strict: false }).compile(schema)
  const isRead = (body: unknown): boolean => {
    try {
      return parseChatRequest(body).model !== ''
    } catch {
      return false
    }
  }
  expect(isRead(chat)).toBe(true)
  const many = (count: number) => new Array<string>(count).fill('x')
  const values = [
    ...['', 'text', 0, 1, 1.5, 128, 129, 2 ** 31, true, null, [], {}, [{}], [chat]],
    ...[[{ role: 'tool' }], [{ role: 'wizard' }], many(256), many(257)],
    ...[many(10_000), many(10_001)].map((list) => Object.fromEntries(list.entries())),
  ]
  for (const name of [...Object.keys(schema.properties ?? {}), 'seed'])
    for (const value of values) {
      const body = { ...chat, [name]: value }
      expect([name, value, isSaid(body)]).toEqual([name, value, isRead(body)])
    }
  for (const name of Object.keys(chat)) {
    const { [name]: _left, ...rest } = chat as Readonly<Record<string, unknown>>
    expect([name, isSaid(rest)]).toEqual([name, isRead(rest)])
  }
})

type Shown = Readonly<{ schema: Schema; example: unknown }>
type Schema = Readonly<{
  type?: string
  properties?: Readonly<Record<string, Schema>>
  items?: Schema
  additionalProperties?: unknown
}>
type Parts = Readonly<{
  requestBody?: Readonly<{ content: Readonly<Record<string, Shown>> }>
  responses: Readonly<Record<string, Readonly<{ content: Readonly<Record<string, Shown>> }>>>
}>

function contentsOf(operation: unknown): [string, Shown][] {
  const { requestBody, responses } = operation as Parts
  const answers = Object.entries(responses).filter(([status]) => status !== 'default')
  return [
    ...Object.values(requestBody?.content ?? {}).map((one): [string, Shown] => ['body', one]),
    ...answers.flatMap(([, { content }]) =>
      Object.values(content).map((one): [string, Shown] => ['answer', one]),
    ),
  ]
}

/** No object of which nothing is said. */
const isTold = ({ type, properties, items, additionalProperties }: Schema): boolean =>
  type === 'array'
    ? items !== undefined && isTold(items)
    : type !== 'object' ||
      (Object.values(properties ?? {}).every(isTold) &&
        (Object.keys(properties ?? {}).length > 0 || typeof additionalProperties === 'object'))
