import { z } from 'zod'
import { nextBefore, parseTrailQuery, trailView } from '../../admin/audit-trail.ts'
import { TRAIL_KINDS } from '../../domain/trail.ts'
import { badCursor } from '../../domain/usage-query.ts'
import { readCursor, writeCursor } from '../cursor.ts'
import { paging, time } from '../forms.ts'
import { readParameters } from '../read-usage-question.ts'
import { route } from '../route.ts'

export const auditRoutes = [
  route({
    method: 'GET',
    path: '/admin/audit',
    access: 'viewer',
    summary: 'Who did what to the books, newest first',
    query: z.strictObject({
      account: z.string().optional(),
      kind: z
        .string()
        .optional()
        .meta({ description: `One of ${TRAIL_KINDS.join(', ')}` }),
      by: z.string().optional().meta({ description: "A key's id, `master`, `cli` or `gateway`" }),
      ...paging,
    }),
    answer: z.object({
      object: z.literal('audit_trail'),
      data: z.array(
        z.looseObject({
          seq: z.number(),
          at: time,
          kind: z.string(),
          by: z.string().nullable(),
        }),
      ),
      has_more: z.boolean(),
      next_cursor: z.string().nullable(),
    }),
    async handle({ trail }, { ctx }) {
      const { parameters, text } = readParameters(ctx)
      const { cursor } = parameters
      const before = cursor === undefined ? undefined : seqIn(cursor, text)
      const page = await trail.trail(parseTrailQuery(parameters, before))
      const next = nextBefore(page)
      return {
        ...trailView(page),
        next_cursor: next === undefined ? null : writeCursor(next, text),
      }
    },
  }),
]

function seqIn(cursor: string, text: string): number {
  const seq = readCursor(cursor, text)
  if (typeof seq !== 'number') throw badCursor()
  return seq
}
