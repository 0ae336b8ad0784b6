import { expect, test } from 'vitest'
import { parseChatRequest } from './chat-request.ts'
import { isContinuable } from './continuation.ts'

const asked = (more: object) =>
  parseChatRequest({ model: 'm', messages: [{ role: 'user', content: 'Hi' }], ...more })

test.each([
  {},
  { temperature: 0, stop: ['x'], seed: 1 },
  { tools: [], logprobs: false, n: 1 },
  { response_format: { type: 'text' }, modalities: ['text'] },
])('a request for text alone can be gone on with (%o)', (more) => {
  expect(isContinuable(asked(more))).toBe(true)
})

test.each([
  { tools: [{ type: 'function', function: { name: 'look' } }] },
  { functions: [{ name: 'look' }] },
  { n: 2 },
  { logprobs: true },
  { top_logprobs: 2 },
  { response_format: { type: 'json_object' } },
  { response_format: { type: 'json_schema', json_schema: { name: 's' } } },
  { modalities: ['text', 'audio'], audio: { voice: 'x' } },
])('a request whose answer has a form cannot (%o)', (more) => {
  expect(isContinuable(asked(more))).toBe(false)
})
