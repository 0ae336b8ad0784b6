/** A request as it goes over the wire, in parts that can be put out of order. */
export type WireRequest = Readonly<{
  method: string
  path: string
  headers: readonly string[]
  body: string
}>

export type Callers = Readonly<{ user: string; admin: string; account: string; request: string }>

const MESSAGES = [
  { role: 'system', content: 'Be brief.' },
  { role: 'user', content: 'Say some words.' },
]
const IMAGE = [
  { type: 'text', text: 'What is it?' },
  { type: 'image_url', image_url: { url: 'data:image/png;base64,iVBORw0KGgo=' } },
]
const TOOL = { type: 'function', function: { name: 'look', parameters: { type: 'object' } } }

/** Right requests of every kind: what is wrong with a request is put into one of them. */
export function rightRequests({ user, admin, account, request }: Callers): readonly WireRequest[] {
  const asked = (key: string, method: string, path: string, body?: object): WireRequest => ({
    ...{ method, path },
    headers: [
      'Host: gateway',
      `Authorization: Bearer ${key}`,
      ...(body === undefined ? [] : ['Content-Type: application/json']),
    ],
    body: body === undefined ? '' : JSON.stringify(body),
  })
  const chat = (more: object) =>
    asked(user, 'POST', '/v1/chat/completions', { model: 'words', messages: MESSAGES, ...more })
  const money = (path: string, body: object): WireRequest => {
    const right = asked(admin, 'POST', path, body)
    return { ...right, headers: [...right.headers, 'Idempotency-Key: once'] }
  }
  return [
    chat({}),
    chat({ stream: true, stream_options: { include_usage: true }, max_tokens: 20 }),
    chat({ n: 2, temperature: 0.5, stop: ['x'], tools: [TOOL], user: 'me', seed: 5 }),
    chat({ messages: [{ role: 'user', content: IMAGE }], max_completion_tokens: 9 }),
    chat({ model: 'fails' }),
    chat({ model: 'broken', stream: true }),
    asked(user, 'GET', '/v1/models'),
    asked(user, 'GET', '/v1/models/words'),
    asked(user, 'GET', '/v1/account'),
    asked(user, 'GET', '/v1/usage?group_by=day&limit=5'),
    asked(user, 'GET', `/v1/receipts/${request}`),
    asked(user, 'POST', `/v1/requests/${request}/cancel`, {}),
    asked(admin, 'POST', '/auth/session', {}),
    asked(admin, 'GET', '/auth/validate'),
    asked(admin, 'POST', '/admin/keys', { type: 'user', account, credits: '1', expires: '1h' }),
    money(`/admin/accounts/${account}/credits/grant`, { amount: '5', reason: 'thanks' }),
    money(`/admin/accounts/${account}/credits/deduct`, { amount: 1 }),
    money(`/admin/accounts/${account}/credits/adjust`, { amount: '-0.5', reason: 'wrong' }),
    money('/admin/transfers', { from: account, to: 'other', amount: '0.000001' }),
    money(`/admin/requests/${request}/refund`, { amount: '0.000001' }),
    asked(admin, 'GET', '/admin/audit?limit=3&kind=credit'),
    asked(admin, 'GET', '/admin/usage?group_by=model'),
    asked(admin, 'GET', '/admin/providers'),
    asked(admin, 'GET', '/admin/routes/words'),
    asked(user, 'GET', '/health'),
  ]
}

/** As bytes; the length is that of the body, unless a header says otherwise. */
export function onTheWire({ method, path, headers, body }: WireRequest): Buffer {
  const length = body === '' ? [] : [`Content-Length: ${Buffer.byteLength(body)}`]
  const head = [
    `${method} ${path} HTTP/1.1`,
    ...headers,
    ...length,
    'Connection: close',
    '',
    '',
  ].join('\r\n')
  return Buffer.concat([Buffer.from(head, 'latin1'), Buffer.from(body)])
}
