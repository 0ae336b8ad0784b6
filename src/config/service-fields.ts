// The section `services` of gateway.yaml: upstreams behind prefixes of the path.
import { z } from 'zod'
import { OWN_SEGMENTS, type Service } from '../domain/service.ts'
import { baseUrl, checkedText, flag, wholeNumber } from './fields.ts'
import { LIMIT_FIELDS } from './limit-fields.ts'

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD'] as const

const name = checkedText((text) => /^[a-z0-9][a-z0-9._-]{0,63}$/.test(text), {
  message: 'is not the name of a service',
  fix: 'use up to 64 lower-case letters, digits, dots, dashes and underscores',
})

const prefix = checkedText(
  (text) =>
    /^(?:\/[A-Za-z0-9._~-]+)+$/.test(text) && text.length <= 200 && !/\/\.{1,2}(?:\/|$)/.test(text),
  {
    message: 'is not a prefix of whole segments',
    fix: 'write it like /api/core, in letters, digits and . _ ~ - alone, without a slash at its end',
  },
).superRefine((text, context) => {
  const [, first = ''] = text.split('/')
  if (!OWN_SEGMENTS.includes(first)) return
  const message = `is where the gateway's own routes are (/${first})`
  context.addIssue({ code: 'custom', message, params: { fix: 'choose another, such as /api/…' } })
})

const service = z
  .strictObject({
    name,
    prefix,
    url: baseUrl.optional(),
    instances: z.array(baseUrl).min(1).optional(),
    auth_required: flag.default(true),
    timeout_ms: wholeNumber(1, 1_800_000).default(30_000),
    strip_prefix: flag.default(false),
    requests_per_minute: LIMIT_FIELDS.requests_per_minute,
    methods: z
      .array(z.enum([...METHODS, 'OPTIONS']))
      .min(1)
      .default([...METHODS]),
  })
  .refine(({ url, instances }) => (url === undefined) !== (instances === undefined), {
    message: 'says not exactly once where it runs',
    params: { fix: 'write url: http://core:8002, or instances: with several of them' },
  })

export const services = z.array(service).default([])

export const buildServices = (entries: z.output<typeof services>): readonly Service[] =>
  entries.map((one) => ({
    ...{ name: one.name, prefix: one.prefix, methods: one.methods },
    instances: one.instances ?? (one.url === undefined ? [] : [one.url]),
    ...{ isAuthRequired: one.auth_required, timeoutMs: one.timeout_ms },
    ...{ stripsPrefix: one.strip_prefix, requestsPerMinute: Number(one.requests_per_minute ?? 0) },
  }))
