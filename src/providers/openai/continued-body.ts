import type { ContinueForm } from '../../domain/continuation.ts'

const GO_ON =
  'Your answer above broke off. Go on exactly where it ends, in the middle of a word if need be: ' +
  'repeat nothing of it, and put nothing in front.'

/** Makes a body ask for the rest of an answer of which this text has come. */
export function continueIn(
  body: Record<string, unknown>,
  text: string,
  form: ContinueForm = 'instruction',
): void {
  const before = Array.isArray(body['messages']) ? (body['messages'] as unknown[]) : []
  const said = { role: 'assistant', content: text, ...(form === 'prefix' && { prefix: true }) }
  const wish = form === 'instruction' ? [{ role: 'user', content: GO_ON }] : []
  body['messages'] = [...before, said, ...wish]
  if (form !== 'final_message') return
  body['continue_final_message'] = true
  body['add_generation_prompt'] = false
}
