import type { OpenApi } from './openapi.ts'

// The page at /docs: plain HTML made of the OpenAPI document, without a script, so that nothing can run in it.

type Operation = Readonly<{
  tags: readonly string[]
  summary: string
  description: string
  'x-role': string
  parameters: readonly Readonly<{
    name: string
    in: string
    required: boolean
    description?: string
    schema: object
  }>[]
  requestBody?: Readonly<{ content: Content }>
  responses: Readonly<Record<string, Readonly<{ content: Content }>>>
}>
type Content = Readonly<Record<string, Readonly<{ schema: object; example?: unknown }>>>
type Placed = Readonly<{ path: string; method: string; operation: Operation }>

export function docsPage({ info, tags, paths }: OpenApi): string {
  const all = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]): Placed => ({
      path,
      method,
      operation: operation as Operation,
    })),
  )
  const sections = tags.map(({ name }) => {
    const own = all.filter(({ operation }) => operation.tags.includes(name))
    return `<section id="${idOf(name)}"><h2>${escaped(name)}</h2>${own.map(operationHtml).join('')}</section>`
  })
  const links = tags.map(({ name }) => `<a href="#${idOf(name)}">${escaped(name)}</a>`)
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${escaped(info.title)} API</title><link rel="stylesheet" href="/docs/style.css"></head>
<body><header><h1>${escaped(info.title)} <small>${escaped(info.version)}</small></h1>
<p>Send a key as <code>Authorization: Bearer …</code>, <code>X-API-Key</code>, <code>api-key</code> or
<code>x-goog-api-key</code>. The same as a document: <a href="/openapi.json">/openapi.json</a>.</p>
<nav>${links.join(' ')}</nav></header><main>${sections.join('')}</main></body></html>
`
}

function operationHtml({ path, method, operation }: Placed): string {
  const { summary, description, parameters, requestBody, responses } = operation
  const role = operation['x-role']
  const rows = parameters.map(
    ({ name, in: place, required, description: told = '' }) =>
      `<tr><td><code>${escaped(name)}</code></td><td>${place}${required ? ', required' : ''}</td>` +
      `<td>${prose(told)}</td></tr>`,
  )
  const answers = Object.entries(responses).filter(([status]) => status !== 'default')
  return `<details><summary><i>${escaped(role)}</i><b class="${method}">${method.toUpperCase()}</b> <code>${escaped(path)}</code>
<span>${prose(summary)}</span></summary><p>${prose(description)}</p>
${rows.length > 0 ? `<table>${rows.join('')}</table>` : ''}
${requestBody === undefined ? '' : `<h3>Body</h3>${schemaHtml(requestBody.content)}`}
${answers.map(([status, { content }]) => `<h3>${status}</h3>${schemaHtml(content)}`).join('')}</details>`
}

const schemaHtml = (content: Content): string =>
  Object.entries(content)
    .map(
      ([type, { schema, example }]) =>
        `<p>${escaped(type)}, such as</p><pre>${escaped(textOf(example))}</pre>` +
        `<details><summary>Schema</summary><pre>${escaped(textOf(schema))}</pre></details>`,
    )
    .join('')

const textOf = (json: unknown): string => JSON.stringify(json, null, 2)

const idOf = (name: string): string => name.replace(/[^a-z0-9]+/gi, '-')

const ENTITIES: Readonly<Record<string, string>> = {
  ...{ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' },
}
const escaped = (text: string): string => text.replace(/[&<>"']/g, (mark) => ENTITIES[mark] ?? mark)

/** What stands between backticks is code. */
const prose = (text: string): string => escaped(text).replace(/`([^`]+)`/g, '<code>$1</code>')

export const DOCS_STYLE = `
:root { color-scheme: light dark; --line: #8884; --soft: #8882 }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem }
nav a { display: inline-block; margin: 0 .75rem .25rem 0 }
details { border: 1px solid var(--line); border-radius: 6px; margin: .5rem 0; padding: .5rem .75rem }
summary { cursor: pointer } summary span { margin-left: .5rem } summary i { float: right; opacity: .7 }
b { display: inline-block; min-width: 4.5rem } .delete { color: #c33 } .post, .put, .patch { color: #27b }
pre { background: var(--soft); padding: .75rem; overflow: auto; max-height: 24rem; border-radius: 6px }
table { border-collapse: collapse } td { border-bottom: 1px solid var(--line); padding: .25rem .75rem .25rem 0 }
`
