/** What stands where something else was expected: as JSON text, because some of it is none. */
export const WRONG_VALUES: readonly string[] = [
  ...[
    'null',
    'true',
    'false',
    '0',
    '-0',
    '-1',
    '1.5',
    '1e400',
    '-1e400',
    '1e9',
    '9007199254740993',
  ],
  ...[
    'NaN',
    'Infinity',
    'undefined',
    '0x10',
    '01',
    '1_000',
    '""',
    '"0"',
    '"-1"',
    '"1e3"',
    '"0x10"',
  ],
  ...['" 1"', '"0.0000001"', '"NaN"', '"true"', '"\\u0000"', '"\\ud800"', '"\\u202e\\r\\n"', '"١"'],
  ...['[]', '{}', '[[]]', '[null]', '{"a":{"b":[1]}}', '{"__proto__":{"polluted":1}}'],
  ...[
    '{"constructor":{"prototype":{"polluted":1}}}',
    '{"toString":1,"valueOf":2,"hasOwnProperty":3}',
  ],
  ...['"http://169.254.169.254/latest"', '"file:///etc/passwd"', '"\' or 1=1 --"', '"<script>"'],
  ...[
    '"data:image/png;base64,AAAA"',
    `"${'x'.repeat(20_000)}"`,
    `${'['.repeat(5_000)}${']'.repeat(5_000)}`,
  ],
  `[${'1,'.repeat(10_000)}1]`,
]

export const WRONG_KEYS: readonly string[] = [
  ...[
    '__proto__',
    'constructor',
    'prototype',
    'toString',
    'hasOwnProperty',
    'api_base',
    'base_url',
  ],
  ...['api_key', 'extra_headers', 'balance', 'account', 'credits', 'role', 'n', 'max_tokens'],
  ...['max_completion_tokens', 'stream', 'stream_options', 'service_tier', 'tools', 'logit_bias'],
  ...['stop', 'temperature', 'user', 'metadata', '', '\u0000', 'é', 'x'.repeat(3_000)],
]

export const WRONG_PATHS: readonly string[] = [
  ...['/v1/../admin', '/%2e%2e/admin', '/%252e%252e/admin', '//admin', '/v1/models/%00', '/;x='],
  ...['/V1/CHAT/COMPLETIONS', '/v1/chat/completions/', '/v1/models/..%2f..%2fadmin', '/v1//models'],
  ...['/v1/receipts/%ff', '/v1/usage?from=x', '/v1/usage?cursor=AAAA', '/admin/audit?limit=-1'],
  ...['/admin/audit?limit=1e9&cursor=5', '*', 'http://example.org/v1/models', '/\\admin', '/%'],
  `/${'x'.repeat(9_000)}`,
]

/** Lines of a header, as they would stand on the wire. */
export const WRONG_HEADERS: readonly string[] = [
  ...[
    'Content-Length: 5',
    'Content-Length: -1',
    'Content-Length: 1e3',
    'Content-Length: 99999999999',
  ],
  ...[
    'Transfer-Encoding: chunked',
    'Transfer-Encoding: chunked, identity',
    'Transfer-Encoding:\tchunked',
  ],
  ...[
    'Transfer-Encoding: xchunked',
    'Content-Encoding: gzip',
    'Content-Encoding: br, gzip',
    'Host: other',
  ],
  ...[
    'Expect: 100-continue',
    'Expect: something',
    'Upgrade: websocket',
    'Upgrade: h2c',
    'TE: trailers',
  ],
  ...[
    'Connection: upgrade',
    'Connection: close, authorization',
    'X-Forwarded-For: 1.2.3.4, ::1, junk',
  ],
  ...[
    'Content-Type: text/plain',
    'Content-Type: application/json; charset=utf-16',
    'Content-Type: x',
  ],
  ...[
    'Content-Type: multipart/form-data; boundary=x',
    'Authorization: Bearer',
    'Authorization: Basic eA==',
  ],
  ...[
    'Authorization: Bearer tg-wrong',
    'Authorization: Bearer eyJhbGciOiJub25lIn0.e30.',
    '__proto__: x',
  ],
  ...[
    'Idempotency-Key: a b',
    'Idempotency-Key: same',
    'X-Max-Cost: -1',
    'X-Max-Cost: NaN',
    'X-Max-Cost: 1',
  ],
  ...[
    'Accept: text/csv',
    'Accept: \u00ff',
    'Range: bytes=0-1',
    'X: \u0000',
    'X: a\rb',
    ' folded: x',
    'no colon',
  ],
  ...['Origin: null', 'Traceparent: 00-junk', 'Cookie: a=b', `X-Long: ${'x'.repeat(17_000)}`],
]
