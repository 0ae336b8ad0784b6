import { isObject } from '../../domain/chat-request.ts'
import { continueIn } from './continued-body.ts'
import { jsonText } from '../../domain/json-text.ts'
import type { ProviderCall } from '../../ports/provider.ts'

/**
 * The caller's body with what the gateway decides: the upstream's model name, the output cap under the name that this
 * upstream knows, and usage always asked for. Unknown fields pass through.
 */
export function requestBody({ request, deployment, cap, continued }: ProviderCall): string {
  const body: Record<string, unknown> = { model: deployment.upstreamModel }
  for (const name of Object.keys(request.body)) {
    if (!DECIDED.has(name)) body[name] = request.body[name]
  }
  body[deployment.capField] = cap
  if (request.stream) {
    const asked = request.body['stream_options']
    body['stream_options'] = { ...(isObject(asked) && asked), include_usage: true }
  }
  if (continued !== undefined) continueIn(body, continued.text, deployment.continueAs)
  for (const name of deployment.stripFields) Reflect.deleteProperty(body, name)
  return jsonText(body)
}

const DECIDED = new Set(['model', 'max_tokens', 'max_completion_tokens'])
