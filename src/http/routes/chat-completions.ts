import type { Context } from 'koa'
import { credentialOf } from '../credential.ts'
import { commonHeaders, requestIdOf } from '../identify.ts'
import { NodeReply } from '../node-reply.ts'
import { readChatRequest } from '../read-chat-request.ts'
import type { Site } from '../site.ts'

export const CHAT_COMPLETIONS = '/v1/chat/completions'

/** POST /v1/chat/completions. The answer is written to Node's response itself: going through Koa would cost as much again. */
export function chatCompletions({ completions, settings }: Site) {
  return (ctx: Context): Promise<void> => {
    ctx.respond = false
    const { req, res } = ctx
    const { bodyBytesMax, quotaStatus } = settings()
    const call = {
      requestId: requestIdOf(ctx),
      credential: credentialOf(req.headers),
      read: () => readChatRequest(req, bodyBytesMax),
    }
    return completions.complete(call, new NodeReply(res, commonHeaders(ctx), quotaStatus))
  }
}
