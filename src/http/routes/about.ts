import type { Context } from 'koa'
import type { Site } from '../site.ts'

/** GET /: what this is, for people who open the address. */
export function about({ settings }: Site) {
  return (ctx: Context): void => {
    ctx.body = {
      message:
        'Tollgate, an LLM API gateway. Point an OpenAI SDK at /v1 with a key from the operator.',
      service: 'tollgate',
      version: settings().version,
      routes: ['/v1/chat/completions', '/v1/models', '/v1/account', '/health'],
    }
  }
}
