// What gateway.yaml may say: strict, so that a misspelt key is an error. Durations and sizes carry their unit in the name.
import { z } from 'zod'
import { CONTINUE_FORMS } from '../domain/continuation.ts'
import { STRATEGIES } from '../domain/strategy.ts'
import {
  addressRanges,
  apiKeys,
  baseUrl,
  checkedText,
  decimal,
  flag,
  headerName,
  headerValue,
  label,
  modelId,
  modelName,
  protocol,
  providerId,
  upstreamModel,
  wholeNumber,
} from './fields.ts'
import { invitations, webhooks } from './bonus-fields.ts'
import { cors, hosts, identity, securityHeaders } from './identity-fields.ts'
import { LIMIT_FIELDS } from './limit-fields.ts'
import { accounting, price, tokens, TOKENS_MAX } from './price-fields.ts'
import { services } from './service-fields.ts'

const TOTAL_MS_MAX = 1_800_000

const milliseconds = wholeNumber(1, TOTAL_MS_MAX)
const tier = z.strictObject({
  ...LIMIT_FIELDS,
  requests_per_minute: LIMIT_FIELDS.requests_per_minute.unwrap(),
  weight: wholeNumber(1, 100).default(1),
})
const DEFAULT_TIERS = {
  free: { requests_per_minute: 100, weight: 1 },
  premium: { requests_per_minute: 1000, weight: 1 },
  enterprise: { requests_per_minute: 10000, weight: 1 },
}

const timeouts = z.strictObject({
  connect_ms: milliseconds.optional(),
  first_byte_ms: milliseconds.optional(),
  idle_ms: milliseconds.optional(),
  total_ms: milliseconds.optional(),
})

const probe = z.strictObject({
  every_ms: wholeNumber(100, 86_400_000).default(30_000),
  timeout_ms: wholeNumber(10, 60_000).default(5_000),
})

const provider = z.strictObject({
  id: providerId,
  protocol,
  base_url: baseUrl.optional(),
  api_keys: apiKeys.optional(),
  keyless: flag.default(false),
  timeouts: timeouts.prefault({}),
  concurrency_max: wholeNumber(1, 1_000_000).optional(),
  probe: probe.optional(),
  continue_as: z.enum(CONTINUE_FORMS).optional(),
  repair: flag.default(false),
  cap_field: z.enum(['max_tokens', 'max_completion_tokens']).default('max_tokens'),
  strip_fields: z.array(label).default([]),
  headers: z.record(headerName, headerValue.optional()).default({}),
})

const deployment = z.strictObject({
  provider: providerId,
  model: upstreamModel,
  weight: wholeNumber(1, 1000).default(1),
  priority: wholeNumber(0, 1000).default(0),
  price: price.optional(),
  repair: flag.optional(),
  continue_as: z.enum(CONTINUE_FORMS).optional(),
  timeouts: timeouts.prefault({}),
})

/** What callers spend, and how many requests they have at a time, is bounded with them. */
const modelLimits = z.strictObject({
  requests_per_minute: LIMIT_FIELDS.requests_per_minute,
  requests_per_day: LIMIT_FIELDS.requests_per_day,
  tokens_per_minute: LIMIT_FIELDS.tokens_per_minute,
  tokens_per_day: LIMIT_FIELDS.tokens_per_day,
})

const hedge = z
  .strictObject({
    after_ms: milliseconds.optional(),
    after: z.literal('p95').optional(),
    max_extra: decimal({ places: 4, max: 1 }).default('0.02'),
  })
  .refine(({ after_ms, after }) => (after_ms === undefined) !== (after === undefined), {
    message: 'says not exactly once when',
    params: { fix: 'write after_ms: 800, or after: p95' },
  })

const model = z.strictObject({
  id: modelId,
  owned_by: label.default('tollgate'),
  price,
  max_output: tokens.optional(),
  default_max_output: tokens.optional(),
  context_tokens: tokens.optional(),
  image_tokens_max: wholeNumber(0, TOKENS_MAX).default(1500),
  service_tiers: z.record(label, price).default({}),
  timeouts: timeouts.prefault({}),
  strategy: z.enum(STRATEGIES).default('priority'),
  affinity: flag.optional(),
  continue_cut_streams: flag.default(false),
  hedge: hedge.optional(),
  deployments: z.array(deployment).min(1),
  fallbacks: z.array(modelName).default([]),
  limits: modelLimits.prefault({}),
})

const outcomes = z.strictObject({
  cut: z.enum(['operator', 'delivered']).default('operator'),
  aborted_early: z.enum(['input', 'free']).default('input'),
  aborted: z.enum(['cancel', 'drain']).default('cancel'),
  empty: z.enum(['free', 'input']).default('free'),
  killed: z.enum(['progress', 'free']).default('progress'),
})

const resilience = z.strictObject({
  breaker_failures: wholeNumber(1, 1000).default(5),
  breaker_open_ms: wholeNumber(1, 300_000).default(30_000),
  key_off_ms: wholeNumber(1, 86_400_000).default(600_000),
  retry_percent: wholeNumber(0, 100).default(10),
})

const streams = z.strictObject({
  keep_alive: flag.default(true),
  keep_alive_ms: wholeNumber(1000, TOTAL_MS_MAX).default(15_000),
  keep_alive_delay_ms: wholeNumber(0, TOTAL_MS_MAX).default(5_000),
  idle_reader_ms: wholeNumber(1000, TOTAL_MS_MAX).default(30_000),
})

const repeats = z.strictObject({
  join_retries: flag.default(false),
  join_wait_ms: wholeNumber(1, 60_000).default(2_000),
})

const limits = z.strictObject({
  body_bytes_max: wholeNumber(1024, 1_073_741_824).default(33_554_432),
  in_flight_max: wholeNumber(1, 1_000_000).default(5_000),
  key_in_flight_max: wholeNumber(0, 1_000_000).default(100),
  account_in_flight_max: wholeNumber(0, 1_000_000).default(200),
  connections_max: wholeNumber(1, 1_000_000).default(12_000),
  attempts_max: wholeNumber(1, 20).default(3),
  limiter_failure: z.enum(['allow', 'refuse']).default('allow'),
  disk_free_bytes_min: wholeNumber(0, Number.MAX_SAFE_INTEGER).optional(),
})

/** 0: never, these. */
const percent = wholeNumber(0, 100)
const overload = z.strictObject({
  loop_delay_streams_ms: wholeNumber(0, 60_000).default(100),
  loop_delay_all_ms: wholeNumber(0, 60_000).default(250),
  heap_large_bodies_percent: percent.default(80),
  heap_all_percent: percent.default(90),
  memory_leave_percent: percent.default(95),
  memory_bytes_max: wholeNumber(1, Number.MAX_SAFE_INTEGER).optional(),
  body_memory_bytes_max: wholeNumber(1024, Number.MAX_SAFE_INTEGER).default(536_870_912),
})

const strangers = z.strictObject({
  requests_per_minute: wholeNumber(0, 1_000_000_000).default(100),
  failures_per_minute: wholeNumber(0, 1_000_000_000).default(10),
})

const archive = z.strictObject({
  to: checkedText((text) => text.length > 0 && text.length <= 1024 && text === text.trim(), {
    message: 'is not the path of a folder',
    fix: 'write where old segments of the journal go, such as /var/backups/tollgate',
  }).optional(),
  after_days: wholeNumber(1, 36_500).default(90),
})

const compatibility = z.strictObject({
  quota_status: z
    .enum(['402', '429'])
    .transform((text) => (text === '429' ? 429 : 402))
    .default(402),
})

export const gatewaySchema = z.strictObject({
  accounting: accounting.prefault({}),
  tiers: z.record(label, tier).default(DEFAULT_TIERS),
  providers: z.array(provider).min(1),
  models: z.array(model).min(1),
  aliases: z.record(modelName, modelName).default({}),
  services,
  outcomes: outcomes.prefault({}),
  resilience: resilience.prefault({}),
  streams: streams.prefault({}),
  repeats: repeats.prefault({}),
  limits: limits.prefault({}),
  overload: overload.prefault({}),
  strangers: strangers.prefault({}),
  trusted_proxies: addressRanges.default([]),
  archive: archive.prefault({}),
  compatibility: compatibility.prefault({}),
  identity: identity.prefault({}),
  cors: cors.prefault({}),
  hosts,
  security_headers: securityHeaders.prefault({}),
  invitations: invitations.prefault({}),
  webhooks: webhooks.prefault({}),
})

/** gateway.yaml, checked and with every default filled in. */
export type Gateway = z.output<typeof gatewaySchema>
export type ProviderEntry = Gateway['providers'][number]
export type ModelEntry = Gateway['models'][number]
export type DeploymentEntry = ModelEntry['deployments'][number]
export type PriceEntry = ModelEntry['price']
export type TimeoutsEntry = ProviderEntry['timeouts']
