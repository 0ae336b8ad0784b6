import { isObject, type ChatRequest } from '../../domain/chat-request.ts'
import { JsonMembers, namesIn } from '../../domain/json-members.ts'
import { jsonText } from '../../domain/json-text.ts'
import type { ProviderCall } from '../../ports/provider.ts'
import { continueIn } from './continued-body.ts'

/**
 * The caller's body with what the gateway decides: the upstream's model name, the output cap under the name that this
 * upstream knows, and usage always asked for. All else passes through, unknown fields, too: as the text that it came in, and
 * written anew where the body is no longer that, or others could read it in another way than we did.
 */
export function requestBody(call: ProviderCall): string {
  const others = call.continued === undefined ? othersAsSent(call) : undefined
  if (others === undefined) return writtenAnew(call)
  const decided = JSON.stringify(withoutRefused(decidedIn(call), call)).slice(1, -1)
  return `{${listed(others, decided)}}`
}

function othersAsSent({ request, deployment }: ProviderCall): string | undefined {
  const { text, body } = request
  if (text === undefined) return undefined
  const members = new JsonMembers(text)
  // Those that stand together are taken together.
  let [others, runFrom, runTo] = ['', 0, 0]
  while (members.next()) {
    const { name, from, to } = members
    if (name.includes('\\')) return undefined
    if (isDecided(name, request) || deployment.stripFields.includes(name)) {
      others = listed(others, text.slice(runFrom, runTo))
      runFrom = runTo = to
    } else {
      if (runFrom === runTo) runFrom = from
      runTo = to
    }
  }
  // Of a name that is there twice, some read the first.
  return members.names === namesIn(body) ? listed(others, text.slice(runFrom, runTo)) : undefined
}

const listed = (some: string, others: string): string =>
  some === '' || others === '' ? some + others : `${some},${others}`

function writtenAnew(call: ProviderCall): string {
  const { request, deployment, continued } = call
  const body: Body = {}
  for (const name of Object.keys(request.body))
    if (!isDecided(name, request)) body[name] = request.body[name]
  if (continued !== undefined) continueIn(body, continued.text, deployment.continueAs)
  return jsonText(withoutRefused(Object.assign(body, decidedIn(call)), call))
}

type Body = Record<string, unknown>

/** It comes behind all else, since of names that they take for the same most read the last. */
function decidedIn({ request, deployment, cap }: ProviderCall): Body {
  const body: Body = { model: deployment.upstreamModel, [deployment.capField]: cap }
  if (!request.stream) return body
  const asked = request.body['stream_options']
  const { include_usage: _, ...others } = isObject(asked) ? asked : {}
  body['stream_options'] = { ...others, include_usage: true }
  return body
}

const DECIDED = new Set(['model', 'max_tokens', 'max_completion_tokens'])

const isDecided = (name: string, { stream }: ChatRequest): boolean =>
  DECIDED.has(name) || (stream && name === 'stream_options')

/** The upstream knows them not, ours among them. */
function withoutRefused(body: Body, { deployment }: ProviderCall): Body {
  for (const name of deployment.stripFields) Reflect.deleteProperty(body, name)
  return body
}
