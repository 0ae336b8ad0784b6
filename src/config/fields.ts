// The words and numbers of gateway.yaml, each a parser from text. Every refusal says what to write instead.
import { isIP } from 'node:net'
import { z } from 'zod'
import { isModelName, isPattern, prefixOf } from '../domain/model-name.ts'

type Check = Readonly<{ message: string; fix: string }>

/** Text that passes a test, else a problem with its fix. */
export const checkedText = (
  isGood: (text: string) => boolean,
  { message, fix }: Check,
): z.ZodType<string> =>
  z.string().superRefine((text, context) => {
    if (!isGood(text)) context.addIssue({ code: 'custom', message, params: { fix } })
  })

const WHOLE = /^(?:0|[1-9][0-9]{0,14})$/

export function wholeNumber(
  min: number,
  max: number,
): z.ZodPipe<z.ZodType<string>, z.ZodTransform<number, string>> {
  const isGood = (text: string): boolean =>
    WHOLE.test(text) && Number(text) >= min && Number(text) <= max
  const message = `is not a whole number from ${min} to ${max}`
  return checkedText(isGood, { message, fix: 'write plain digits within that range' }).transform(
    Number,
  )
}

export const flag = z.enum(['true', 'false']).transform((text) => text === 'true')

/** A decimal as people write it, kept as text so that nothing of it is lost. */
export function decimal({
  places,
  max,
}: Readonly<{ places: number; max: number }>): z.ZodType<string> {
  const pattern = new RegExp(`^(?:0|[1-9][0-9]{0,12})(?:\\.[0-9]{1,${places}})?$`)
  return checkedText((text) => pattern.test(text) && Number(text) <= max, {
    message: `is not a decimal from 0 to ${max} with at most ${places} places`,
    fix: 'write it like 2.5, without a sign, an exponent or a currency',
  })
}

export const providerId = checkedText((text) => /^[a-z0-9][a-z0-9._-]{0,63}$/.test(text), {
  message: 'is not a provider id',
  fix: 'use up to 64 lower-case letters, digits, dots and dashes',
})

export const modelName = checkedText(isModelName, {
  message: 'is not a model name',
  fix: 'use letters, digits and - _ . : / @ + without spaces',
})

/** A model's name, or the beginning of many with a `*` behind it. */
export const modelId = checkedText(
  (text) => isModelName(text) || text === '*' || (isPattern(text) && isModelName(prefixOf(text))),
  {
    message: 'is not a model name',
    fix: 'use letters, digits and - _ . : / @ + without spaces; a * may end it',
  },
)

export const upstreamModel = checkedText((text) => /^[\x21-\x7e]{1,300}$/.test(text), {
  message: 'is not the name of a model',
  fix: "write the provider's own name for it",
})

export const label = checkedText((text) => /^[\w.:/ -]{1,64}$/.test(text), {
  message: 'is not a short name',
  fix: 'use up to 64 letters, digits, spaces and - _ . : /',
})

export const baseUrl = checkedText(isBaseUrl, {
  message: 'is not an http or https address without credentials, query and fragment',
  fix: 'write it like https://api.openai.com/v1, and keys into api_keys',
}).transform((text) => text.replace(/\/+$/, ''))

function isBaseUrl(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, username, password, search, hash } = new URL(text)
  const isWeb = protocol === 'http:' || protocol === 'https:'
  return isWeb && `${username}${password}${search}${hash}` === '' && !/[\s@?#]/.test(text)
}

const ADAPTERS_TO_COME: readonly string[] = ['anthropic', 'gemini', 'azure']

export const protocol = z.string().transform((text, context) => {
  if (text === 'openai' || text === 'demo') return text
  const message = ADAPTERS_TO_COME.includes(text)
    ? `${text} is a known protocol, but this version has no adapter for it yet`
    : 'is not a known protocol'
  const fix = 'write openai (which most providers speak) or demo'
  context.addIssue({ code: 'custom', message, params: { fix } })
  return z.NEVER
})

/** Set by the gateway itself, or a place for secrets: never by this file. */
const FORBIDDEN_HEADERS =
  /^(?:authorization|proxy-.*|x-api-key|api-key|x-goog-api-key|cookie|host|connection|keep-alive|te|trailer|transfer-encoding|upgrade|content-.*|accept-encoding|expect)$/

export const headerName = checkedText(
  (text) => /^[a-z0-9!#$%&'*+.^_`|~-]+$/i.test(text) && !FORBIDDEN_HEADERS.test(text.toLowerCase()),
  {
    message: 'is not a header that can be set here',
    fix: 'remove it; keys go into api_keys, and the gateway sets the rest',
  },
)

export const headerValue = checkedText((text) => /^[\x20-\x7e]{1,1024}$/.test(text), {
  message: 'is not a header value',
  fix: 'use one line of ASCII characters',
})

/** One key, a comma-separated text of several, or a list of either: trimmed, each once. */
export const apiKeys = z.preprocess(
  splitList,
  z.array(
    checkedText((text) => /^[\x21-\x7e]{1,4096}$/.test(text), {
      message: 'holds a key with spaces or characters that are not ASCII',
      fix: 'separate several keys by commas',
    }),
  ),
)

function splitList(value: unknown): unknown {
  const texts = Array.isArray(value) ? value.filter((item) => item !== undefined) : [value]
  if (!texts.every((text) => typeof text === 'string')) return value
  const keys = texts.flatMap((text) => text.split(/[,\n]/)).map((key) => key.trim())
  return [...new Set(keys.filter((key) => key !== ''))]
}

/** The same for addresses and ranges of them. */
export const addressRanges = z.preprocess(
  splitList,
  z.array(
    checkedText(isAddressRange, {
      message: 'holds what is neither an address nor a range of them',
      fix: 'write 10.0.0.0/8, 192.168.1.7 or fd00::/8, with commas between several',
    }),
  ),
)

/** Names by which somebody is asked for, without ports; none of them is any. */
export const hostNames = z.preprocess(
  splitList,
  z
    .array(
      checkedText((text) => /^[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*$/i.test(text), {
        message: 'holds what is not the name of a host',
        fix: 'write api.example.com, without a port, and with commas between several',
      }),
    )
    .transform((names) =>
      names.length === 0 ? undefined : new Set(names.map((name) => name.toLowerCase())),
    ),
)

function isAddressRange(text: string): boolean {
  const [address = '', bits = '0', ...more] = text.split('/')
  const kind = isIP(address)
  return (
    kind !== 0 &&
    more.length === 0 &&
    /^[0-9]{1,3}$/.test(bits) &&
    Number(bits) <= (kind === 4 ? 32 : 128)
  )
}
