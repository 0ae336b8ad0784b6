import type { Chance } from '../ledger/seeded.ts'
import { onTheWire, type WireRequest } from './requests.ts'
import { WRONG_HEADERS, WRONG_KEYS, WRONG_PATHS, WRONG_VALUES } from './wrong-values.ts'

/** Something is put wrong with a request, once or a few times; the same chance does the same again. */
export function mutated(right: WireRequest, chance: Chance): Buffer {
  let request = right
  for (let times = 1 + chance.below(3); times > 0; times--)
    request = chance.pick(MUTATIONS)(request, chance)
  const bytes = onTheWire(request)
  return chance.percent(25) ? withWrongBytes(bytes, chance) : bytes
}

type Mutation = (request: WireRequest, chance: Chance) => WireRequest

const METHODS = [
  'GET',
  'POST',
  'PUT',
  'DELETE',
  'PATCH',
  'HEAD',
  'OPTIONS',
  'TRACE',
  'get',
  'X'.repeat(1_000),
]

const MUTATIONS: readonly Mutation[] = [
  withOtherJson,
  withOtherJson,
  withOtherJson,
  withOtherText,
  withOtherHeader,
  (request, chance) => ({ ...request, path: chance.pick(WRONG_PATHS) }),
  (request, chance) => ({ ...request, path: withWrongText(request.path, chance) }),
  (request, chance) => ({ ...request, method: chance.pick(METHODS) }),
]

function withOtherHeader(request: WireRequest, chance: Chance): WireRequest {
  const { headers } = request
  const at = chance.below(headers.length)
  const wrong = chance.pick(WRONG_HEADERS)
  const changed = chance.pick([
    headers.toSpliced(at, 1),
    headers.toSpliced(at, 1, wrong),
    headers.toSpliced(at, 0, wrong),
    headers.toSpliced(at, 0, headers[at] ?? ''),
    [...headers, ...Array.from({ length: 100 }, (_, n) => `X-${n}: ${n}`)],
  ])
  return { ...request, headers: changed }
}

/** A value, a field or a part of the structure becomes another one. */
function withOtherJson(request: WireRequest, chance: Chance): WireRequest {
  const places = [
    ...request.body.matchAll(/"[^"]*"(?=:)|(?<=[:[,])(?:"[^"]*"|[0-9.]+|true|false)/g),
  ]
  const place = places.length > 0 ? chance.pick(places) : undefined
  if (place === undefined) return { ...request, body: chance.pick(WRONG_VALUES) }
  const { index } = place
  const [text] = place
  const isKey = request.body[index + text.length] === ':'
  const other = isKey ? JSON.stringify(chance.pick(WRONG_KEYS)) : chance.pick(WRONG_VALUES)
  const added = `${JSON.stringify(chance.pick(WRONG_KEYS))}:${chance.pick(WRONG_VALUES)},${text}`
  const replacement = isKey && chance.percent(60) ? added : other
  const { body } = request
  return { ...request, body: body.slice(0, index) + replacement + body.slice(index + text.length) }
}

function withOtherText(request: WireRequest, chance: Chance): WireRequest {
  const { body } = request
  const at = chance.below(body.length + 1)
  const others = [
    body.slice(0, at),
    `${body}${chance.pick(WRONG_VALUES)}`,
    `\uFEFF${body}`,
    `[${body}]`,
    body + body,
    withWrongText(body, chance),
  ]
  return { ...request, body: chance.pick(others) }
}

const ODD = [
  '\u0000',
  '\r\n',
  '%',
  '%00',
  '..',
  '/',
  '?',
  '#',
  '&',
  '=',
  '"',
  '\\',
  '{',
  '}',
  ',',
  'é',
  '\u2028',
]

function withWrongText(text: string, chance: Chance): string {
  const at = chance.below(text.length + 1)
  return text.slice(0, at) + chance.pick(ODD) + text.slice(at + chance.below(4))
}

/** Flipped, lost, doubled or added, wherever it is; or the end never comes. */
function withWrongBytes(bytes: Buffer, chance: Chance): Buffer {
  const at = chance.below(bytes.length)
  const length = 1 + chance.below(8)
  const [before, after] = [bytes.subarray(0, at), bytes.subarray(at + length)]
  const piece = bytes.subarray(at, at + length)
  switch (chance.below(5)) {
    case 0: {
      const flipped = Buffer.from(bytes)
      flipped[at] = (flipped[at] ?? 0) ^ (1 << chance.below(8))
      return flipped
    }
    case 1:
      return Buffer.concat([before, after])
    case 2:
      return Buffer.concat([before, piece, piece, after])
    case 3:
      return Buffer.concat([
        before,
        Buffer.from(Array.from({ length }, () => chance.below(256))),
        after,
      ])
    default:
      return before
  }
}
