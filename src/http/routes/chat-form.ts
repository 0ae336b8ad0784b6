import { z } from 'zod'
import {
  BIASES_MAX,
  CAP_MAX,
  CHOICES_MAX,
  ITEMS_MAX,
  ROLES,
  STOPS_MAX,
} from '../../domain/chat-request.ts'

// For the documentation alone: the hot route reads by hand, in `domain/chat-request.ts`. A test holds the two together.

const cap = z.int().min(1).max(CAP_MAX).nullish()

const message = z.looseObject({
  role: z.enum(ROLES).meta({ example: 'user' }),
  content: z
    .unknown()
    .optional()
    .meta({ description: 'Text, or a list of parts: text, images, audio' }),
})

/** What the gateway itself looks at, of a chat completion. */
export const chatForm = z
  .looseObject({
    model: z.string().min(1).meta({ description: 'As GET /v1/models names it' }),
    messages: z.array(message).min(1).max(ITEMS_MAX),
    stream: z.boolean().nullish().meta({ description: 'As server-sent events' }),
    stream_options: z
      .looseObject({
        include_usage: z.boolean().nullish().meta({ description: 'A last chunk with the usage' }),
      })
      .nullish(),
    max_tokens: cap.meta({ description: 'Of each answer; of both names the smaller counts' }),
    max_completion_tokens: cap.meta({ description: 'The same, as newer clients say it' }),
    n: z.int().min(1).max(CHOICES_MAX).nullish().meta({ description: 'How many answers' }),
    temperature: z.unknown().optional().meta({ description: 'A number; passed on as it is' }),
    tools: z
      .unknown()
      .optional()
      .meta({ description: 'A list; passed on as it is', maxItems: ITEMS_MAX }),
    stop: z
      .unknown()
      .optional()
      .meta({ description: 'A text, or a list of them; passed on as it is', maxItems: STOPS_MAX }),
    logit_bias: z
      .unknown()
      .optional()
      .meta({ description: 'By token; passed on as it is', maxProperties: BIASES_MAX }),
    service_tier: z.string().nullish(),
  })
  .meta({
    description:
      'All other fields of OpenAI’s are passed on as they are, but for those that would change who answers or what it costs, ' +
      'such as `provider`, `models`, `base_url` and `web_search_options`: these are refused by name.',
    example: {
      model: 'gpt-4o',
      messages: [
        { role: 'system', content: 'Answer in one sentence.' },
        { role: 'user', content: 'Why is the sky blue?' },
      ],
      temperature: 0.2,
      max_completion_tokens: 200,
      stream: false,
    },
  })
