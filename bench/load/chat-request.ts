import { writeShape } from './shape.ts'
import type { LoadPlan } from './plan.ts'

/** A chat request as an SDK sends it, ready to be written to a socket. */
export function chatRequest({ answer, headers, port }: LoadPlan): Buffer {
  const body = JSON.stringify({
    model: 'bench-model',
    messages: [
      { role: 'system', content: 'You are a helpful assistant. Answer briefly and to the point.' },
      {
        role: 'user',
        content: `What does a token bucket do, and when would one prefer it? ${writeShape(answer)}`,
      },
    ],
    temperature: 0.7,
    ...(answer.kind === 'whole' ? {} : { stream: true, stream_options: { include_usage: true } }),
  })
  const lines = Object.entries({
    host: `127.0.0.1:${port}`,
    accept: 'application/json',
    'content-type': 'application/json',
    'user-agent': 'OpenAI/JS 6.49.0',
    ...headers,
    'content-length': String(Buffer.byteLength(body)),
  }).map(([name, value]) => `${name}: ${value}\r\n`)
  return Buffer.from(`POST /v1/chat/completions HTTP/1.1\r\n${lines.join('')}\r\n${body}`)
}
