import { Validator } from '@seriousme/openapi-schema-validator'
import { expect, test } from 'vitest'
import { docsPage } from './docs-page.ts'
import { openApiOf } from './openapi.ts'
import { ROUTES } from './routes/routes.ts'

const document = openApiOf(ROUTES, '1.2.3')
type Operation = Readonly<{ operationId: string; 'x-role': string; security: unknown[] }>
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({
    ...{ path, method: method.toUpperCase(), operation: operation as Operation },
  })),
)

test('the document is OpenAPI 3.1', async () => {
  const { valid, errors } = await new Validator().validate(structuredClone(document))
  expect(errors ?? []).toEqual([])
  expect([valid, document.openapi]).toEqual([true, '3.1.0'])
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

test('the page for people shows every route, and runs nothing', () => {
  const page = docsPage(document)
  for (const { path } of operations) expect(page).toContain(`<code>${path}</code>`)
  expect(page).not.toMatch(/<script|javascript:|\son\w+=|https?:\/\//i)
})
