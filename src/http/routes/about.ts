import { z } from 'zod'
import { route } from '../route.ts'

export const aboutRoutes = [
  route({
    method: 'GET',
    path: '/',
    access: 'public',
    summary: 'What this is, for people who open the address',
    answer: z.object({
      message: z.string(),
      service: z.string(),
      version: z.string(),
      docs: z.string(),
      services: z.array(z.string()),
      routes: z.array(z.string()),
    }),
    handle: ({ settings, health }) => ({
      message:
        'Tollgate, an LLM API gateway. Point an OpenAI SDK at /v1 with a key from the operator.',
      service: 'tollgate',
      version: settings().version,
      docs: '/docs',
      services: Object.keys(health().services),
      routes: ['/v1/chat/completions', '/v1/models', '/v1/account', '/health'],
    }),
  }),
]
