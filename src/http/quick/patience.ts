import { KEPT_SECONDS } from './answer-head.ts'

/** Who has connected says something within this. */
const FIRST_WORD_MS = 10_000
const BODY_MS = 300_000
/** The rest of a body whose request was answered before it had come. */
const REST_MS = 10_000
const KEPT_MS = (KEPT_SECONDS + 1) * 1_000

export type Silent = Readonly<{
  isAnswering: boolean
  isBodyMissing: boolean
  isBusy: boolean
  hasAsked: boolean
}>

/** What becomes of a connection that has said nothing for so long. */
export function afterSilence(ms: number, silent: Silent): 'refused' | 'closed' | undefined {
  if (silent.isAnswering) return silent.isBodyMissing && ms > BODY_MS ? 'refused' : undefined
  if (silent.isBusy) return ms > REST_MS ? 'closed' : undefined
  if (!silent.hasAsked) return ms > FIRST_WORD_MS ? 'refused' : undefined
  return ms > KEPT_MS ? 'closed' : undefined
}
