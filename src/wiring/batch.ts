import { z } from 'zod'
import type { KeyIssuing } from '../admin/issue-key.ts'
import { issuedKeyView, parseIssueKey, type IssuedKeyView } from '../admin/issue-key-request.ts'
import { readInput } from '../admin/read-input.ts'
import { isWholeKey } from '../credentials/key-format.ts'
import { newSecret } from '../credentials/node-secrets.ts'
import { Failure } from '../domain/failure.ts'
import { CLI } from './register-commands.ts'

/** Keys, and reasons for which there are none, in the order of the wishes. */
export type BatchIssued = readonly (IssuedKeyView | BatchRefused)[]
/** Before: there is a key, and it is not the one that was made up for this call. */
type BatchRefused = Readonly<{ error: string; isBefore: boolean }>

/** A key that nobody has yet. */
export const makeUpKey = (): string => newSecret()

/** Whoever asks has made up the keys, and names each: so asking again finds what was issued, and issues the rest. */
const wishes = z
  .array(
    z.strictObject({
      call: z.string().min(1),
      key: z.string().refine(isWholeKey),
      wish: z.unknown(),
    }),
  )
  .max(1_000)

/** Each for itself: what was refused stands in the place of its key. */
export const issueAll = (issuing: KeyIssuing, input: unknown): Promise<BatchIssued> =>
  Promise.all(
    readInput(wishes, input).map(async ({ call, key, wish }) => {
      try {
        return issuedKeyView(await issuing.issue(parseIssueKey(wish), { ...CLI, call }, key))
      } catch (error) {
        if (!(error instanceof Failure)) throw error
        const isBefore = error.code === 'idempotency_conflict'
        return { error: isBefore ? KEY_GONE : error.message, isBefore }
      }
    }),
  )

const KEY_GONE =
  'was issued before, and its key is not kept any more. Rotate that key (keys list shows it), or give this batch a name of its own with --batch.'
