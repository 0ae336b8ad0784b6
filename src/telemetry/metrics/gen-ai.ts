/** The metrics of OpenTelemetry's conventions for generative AI, by their own names, labels and buckets. */
import type { Registry } from 'prom-client'
import type { Usage } from '../../domain/usage.ts'
import { Counts } from './counts.ts'
import { Distributions, type Distribution } from './distributions.ts'

const WHO = [
  'gen_ai_operation_name',
  'gen_ai_provider_name',
  'gen_ai_request_model',
  'gen_ai_response_model',
] as const

/** The conventions end at 81.92; reasoning models do not. */
const DURATIONS = [
  ...[0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92],
  ...[163.84, 327.68],
]
const FIRST_TOKENS = [
  ...[0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10],
  ...[30, 60],
]
const PER_TOKEN = [0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5]
const TOKENS = Array.from({ length: 14 }, (_, power) => 4 ** power)

/** What one pairing of a model and a provider's model is measured by. */
export type GenAi = Readonly<{
  /** With the caller: `errorType` is empty for a finished answer. */
  served(seconds: number, errorType: string): void
  firstToken: Distribution
  perOutputToken: Distribution
  /** With the provider. */
  called(seconds: number, errorType: string): void
  firstChunk: Distribution
  used(usage: Usage): void
}>

type Pairing = Readonly<{ provider: string; asked: string; answered: string }>

export function genAiMetrics(registry: Registry) {
  const metrics = { ...durations(registry), ...tokens(registry) }
  return ({ provider, asked, answered }: Pairing): GenAi => {
    const who = ['chat', provider, asked, answered]
    return {
      served: observing((errorType) => metrics.request.of(...who, errorType)),
      firstToken: metrics.firstToken.of(...who),
      perOutputToken: metrics.perOutputToken.of(...who),
      called: observing((errorType) => metrics.operation.of(...who, errorType)),
      firstChunk: metrics.firstChunk.of(...who),
      used: counting(metrics, who),
    }
  }
}

function durations(registry: Registry) {
  const timed = (name: string, help: string, of: { buckets: number[]; isTyped?: boolean }) =>
    new Distributions({
      ...{ name: `gen_ai_${name}_seconds`, help, registry, buckets: of.buckets },
      labels: of.isTyped === true ? [...WHO, 'error_type'] : WHO,
    })
  return {
    request: timed(
      'server_request_duration',
      'From the admission of a request to the end of its answer; error_type is empty when it finished.',
      { buckets: DURATIONS, isTyped: true },
    ),
    firstToken: timed(
      'server_time_to_first_token',
      'From the admission of a streamed request to its first visible token.',
      { buckets: FIRST_TOKENS },
    ),
    perOutputToken: timed(
      'server_time_per_output_token',
      'Between two tokens of a stream that finished, on average.',
      { buckets: PER_TOKEN },
    ),
    operation: timed(
      'client_operation_duration',
      'One attempt at a provider, to its end; error_type is the fault, empty when it answered.',
      { buckets: DURATIONS, isTyped: true },
    ),
    firstChunk: timed(
      'client_operation_time_to_first_chunk',
      'From the start of a streamed attempt at a provider to its first visible token.',
      { buckets: FIRST_TOKENS },
    ),
  }
}

function tokens(registry: Registry) {
  const counted = (name: string, help: string) =>
    new Counts({
      name: `gen_ai_client_inference_usage_${name}_tokens_total`,
      ...{ help, registry, labels: [...WHO, 'gen_ai_token_modality'] },
    })
  return {
    usage: new Distributions({
      name: 'gen_ai_client_token_usage',
      help: 'Tokens of a request, by gen_ai_token_type input and output.',
      ...{ labels: [...WHO, 'gen_ai_token_type'], buckets: TOKENS, registry },
    }),
    input: counted('input', 'Tokens read by providers, all of them.'),
    cacheRead: counted(
      'cache_read_input',
      'Those of the input tokens that a cache of the provider answered for: a part of them.',
    ),
    cacheWrite: counted(
      'cache_write_input',
      'Those of the input tokens that a provider put into its cache: a part of them.',
    ),
    output: counted('output', 'Tokens written by providers, reasoning among them.'),
  }
}

type TokenMetrics = ReturnType<typeof tokens>

function counting(metrics: TokenMetrics, who: readonly string[]): GenAi['used'] {
  const inputs = metrics.usage.of(...who, 'input')
  const outputs = metrics.usage.of(...who, 'output')
  const read = {
    text: metrics.input.of(...who, 'text'),
    image: metrics.input.of(...who, 'image'),
    audio: metrics.input.of(...who, 'audio'),
  }
  const written = {
    text: metrics.output.of(...who, 'text'),
    audio: metrics.output.of(...who, 'audio'),
  }
  const cacheRead = metrics.cacheRead.of(...who, 'text')
  const cacheWrite = metrics.cacheWrite.of(...who, 'text')
  return (usage) => {
    const text = usage.input + usage.cachedInput + usage.cacheWrite
    read.text.value += text
    read.image.value += usage.image
    read.audio.value += usage.audioInput
    inputs.observe(text + usage.image + usage.audioInput)
    outputs.observe(usage.output + usage.audioOutput)
    written.text.value += usage.output
    written.audio.value += usage.audioOutput
    cacheRead.value += usage.cachedInput
    cacheWrite.value += usage.cacheWrite
  }
}

/** Finished answers are nearly all: theirs is at hand. */
function observing(of: (errorType: string) => Distribution) {
  const finished = of('')
  const others = new Map<string, Distribution>()
  return (seconds: number, errorType: string): void => {
    if (errorType === '') return finished.observe(seconds)
    let other = others.get(errorType)
    if (other === undefined) others.set(errorType, (other = of(errorType)))
    other.observe(seconds)
  }
}
