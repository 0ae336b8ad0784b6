import { z } from 'zod'
import { docsPage, DOCS_STYLE } from '../docs-page.ts'
import { anyObject } from '../forms.ts'
import { openApiOf } from '../openapi.ts'
import { route, type Route } from '../route.ts'

/** Only its own style may be loaded, and nothing may run or send. */
const PAGE_POLICY =
  "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/** The documentation of a table of routes, which these are in, too. */
export const docsRoutes = (table: () => readonly Route[]): readonly Route[] => [
  route({
    method: 'GET',
    path: '/openapi.json',
    access: 'public',
    summary: 'This document',
    answer: anyObject('An OpenAPI 3.1 document'),
    handle: () => openApiOf(table()),
  }),
  route({
    method: 'GET',
    path: '/docs',
    access: 'public',
    summary: 'The same for people',
    answer: z.string(),
    type: 'text/html',
    handle(_site, { ctx }) {
      ctx.set('content-security-policy', PAGE_POLICY)
      ctx.type = 'text/html; charset=utf-8'
      ctx.body = docsPage(openApiOf(table()))
    },
  }),
  route({
    method: 'GET',
    path: '/docs/style.css',
    access: 'public',
    summary: 'How that page looks',
    answer: z.string(),
    type: 'text/css',
    handle(_site, { ctx }) {
      ctx.type = 'text/css; charset=utf-8'
      ctx.body = DOCS_STYLE
    },
  }),
]
