import { isFinish } from './usage.ts'
import type { StreamHead } from '../../ports/provider.ts'
import { isObject, type JsonObject } from '../../domain/chat-request.ts'

/** What a bent stream is straightened to: one id, one time and one model name in all chunks, and whole tool calls. */
export type Repair = {
  readonly model: string
  readonly id: string
  created: number | undefined
  /** Tool calls begun so far, by choice: an upstream that leaves out the index or repeats the head is put right. */
  readonly calls: Map<number, ToolCall[]>
  readonly greeted: Set<number>
  /** It goes on with another stream: its caller knows the role already, and is told at the end that there were two. */
  readonly continues: boolean
}

type ToolCall = { id: string }

export const newRepair = (model: string, id: string): Repair => ({
  model,
  id,
  created: undefined,
  calls: new Map(),
  greeted: new Set(),
  continues: false,
})

/** What a stream is straightened to that goes on with another one. */
export const continuing = ({ id, created, model }: StreamHead): Repair => ({
  ...newRepair(model, id),
  created,
  greeted: new Set([0]),
  continues: true,
})

/** An answer in one piece. */
export const repairedAnswer = (answer: JsonObject, model: string): JsonObject => ({
  ...answer,
  model,
  ...(answer['usage'] !== undefined && { usage: repairedUsage(answer['usage']) }),
  choices: (answer['choices'] as readonly unknown[]).map((choice) =>
    isObject(choice) && isObject(choice['message'])
      ? { ...choice, message: withReasoning(choice['message']) }
      : choice,
  ),
})

/** What the operator pays for it, in dollars, is not what it costs its caller. */
export function repairedUsage(usage: unknown): unknown {
  if (!isObject(usage)) return usage
  const { cost: _cost, cost_details: _details, ...tokens } = usage
  return tokens
}

/** Most callers that show reasoning look for it under its older name. */
function withReasoning(said: JsonObject): JsonObject {
  const { reasoning, reasoning_content: older } = said
  const isMissing = typeof reasoning === 'string' && (older === undefined || older === null)
  return isMissing ? { ...said, reasoning_content: reasoning } : said
}

export function repairedChunk(chunk: JsonObject, repair: Repair): JsonObject {
  repair.created ??=
    typeof chunk['created'] === 'number' ? chunk['created'] : Math.floor(Date.now() / 1000)
  const choices = Array.isArray(chunk['choices']) ? (chunk['choices'] as unknown[]) : []
  const { usage: _taken, ...rest } = chunk
  const isMarked =
    repair.continues && choices.some((one) => isObject(one) && isFinish(one['finish_reason']))
  return {
    ...rest,
    ...(isMarked && { tollgate: { continued: true } }),
    id: repair.id,
    object: 'chat.completion.chunk',
    created: repair.created,
    model: repair.model,
    choices: choices
      .filter(isObject)
      .map((choice, position) => repairedChoice(choice, position, repair)),
  }
}

function repairedChoice(choice: JsonObject, position: number, repair: Repair): JsonObject {
  const index = typeof choice['index'] === 'number' ? choice['index'] : position
  const sent = choice['delta']
  const delta: Record<string, unknown> = { ...(isObject(sent) && withReasoning(sent)) }
  if (!repair.greeted.has(index)) {
    repair.greeted.add(index)
    delta['role'] = 'assistant'
    delta['content'] ??= delta['tool_calls'] === undefined ? '' : null
  }
  if (repair.continues) delete delta['role']
  if (Array.isArray(delta['tool_calls'])) {
    delta['tool_calls'] = repairedCalls(delta['tool_calls'], index, repair)
  }
  const reason = choice['finish_reason'] ?? null
  const calledTools = (repair.calls.get(index)?.length ?? 0) > 0
  return {
    ...choice,
    index,
    delta,
    finish_reason: reason === 'stop' && calledTools ? 'tool_calls' : reason,
  }
}

/** The first piece of a call carries id, type and name; the others only its index and more of its arguments. */
function repairedCalls(pieces: readonly unknown[], choice: number, repair: Repair): JsonObject[] {
  const begun = repair.calls.get(choice) ?? []
  repair.calls.set(choice, begun)
  return pieces.filter(isObject).map((piece) => {
    const call = isObject(piece['function']) ? piece['function'] : {}
    const index = indexOf(piece, call, begun)
    const text = call['arguments'] ?? ''
    const fragment = typeof text === 'string' ? text : JSON.stringify(text)
    if (begun[index] !== undefined) return { index, function: { arguments: fragment } }
    const id =
      typeof piece['id'] === 'string' && piece['id'] !== ''
        ? piece['id']
        : `call_${repair.id}_${choice}_${index}`
    begun[index] = { id }
    return {
      index,
      id,
      type: 'function',
      function: { name: call['name'] ?? '', arguments: fragment },
    }
  })
}

function indexOf(piece: JsonObject, call: JsonObject, begun: readonly ToolCall[]): number {
  if (typeof piece['index'] === 'number') return piece['index']
  const id = piece['id']
  const known = begun.findIndex((one) => one.id === id)
  if (known !== -1) return known
  return typeof call['name'] === 'string' ? begun.length : Math.max(begun.length - 1, 0)
}
