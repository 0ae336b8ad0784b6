import { expect, test } from 'vitest'
import { JsonMembers, namesIn } from './json-members.ts'

function membersOf(text: string): { found: [string, string][]; names: number } {
  const members = new JsonMembers(text)
  const found: [string, string][] = []
  while (members.next()) found.push([members.name, text.slice(members.from, members.to)])
  return { found, names: members.names }
}

test.each([
  ['{}', []],
  [' \n{ \t}\r\n', []],
  ['{"a":1}', ['"a":1']],
  ['{"a":-1.5e+10,"b":true,"c":null}', ['"a":-1.5e+10', '"b":true', '"c":null']],
  ['{ "a" : 1 , "b" : "x" }', ['"a" : 1', '"b" : "x"']],
  ['{"a":"},]{[:,","b":[]}', ['"a":"},]{[:,"', '"b":[]']],
  ['{"a":"\\"","b":"\\\\","c":"\\\\\\""}', ['"a":"\\""', '"b":"\\\\"', '"c":"\\\\\\""']],
  ['{"":{"":[{},[[]],"]"]},"\\"":0}', ['"":{"":[{},[[]],"]"]}', '"\\"":0']],
  ['{"é":"👋","b":[1,2,{"c":"}"}] }', ['"é":"👋"', '"b":[1,2,{"c":"}"}]']],
])('the members of %s', (text, expected) => {
  const { found, names } = membersOf(text)
  expect(found.map(([, member]) => member)).toEqual(expected)
  expect(found.map(([name]) => JSON.parse(`"${name}"`) as string)).toEqual(
    Object.keys(JSON.parse(text) as object),
  )
  expect(names).toBe(namesIn(JSON.parse(text)))
})

test.each([
  '{"a":1,"a":2}',
  '{"a":1,"\\u0061":2}',
  '{"x":[{"a":1,"b":2,"a":3}]}',
  '{"x":{"a":{"b":1}},"x":{"a":{"b":1}}}',
])('%s has more names than what is read from it', (text) => {
  expect(membersOf(text).names).toBeGreaterThan(namesIn(JSON.parse(text)))
})

test('what is nested very deeply is not counted', () => {
  const deep = `{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`
  expect(membersOf(deep).found).toHaveLength(1)
  expect(namesIn(JSON.parse(deep))).toBeNaN()
})

test('whatever JSON has, members put together again are the same object', () => {
  let seed = 7
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0
    return (seed >>> 8) % below
  }
  const texts = ['', 'a', '"', '\\', '\\"', '{', '}]', ':', ',', 'é\u2028', '\n\t', '👋']
  const value = (depth: number): unknown => {
    const kind = random(depth > 3 ? 4 : 6)
    if (kind === 0) return random(1000) / 8 - 50
    if (kind === 1) return random(2) === 0
    if (kind <= 3) return kind === 2 ? null : texts[random(texts.length)]
    const inner = Array.from({ length: random(4) }, () => value(depth + 1))
    if (kind === 4) return inner
    return Object.fromEntries(
      inner.map((one) => [`${texts[random(texts.length)] ?? ''}${random(9)}`, one]),
    )
  }
  for (let round = 0; round < 2_000; round++) {
    const object = Object.fromEntries(texts.slice(0, random(5)).map((name) => [name, value(0)]))
    const text = JSON.stringify(object, null, random(3))
    const { found, names } = membersOf(text)
    expect(JSON.parse(`{${found.map(([, member]) => member).join()}}`)).toEqual(object)
    expect(names).toBe(namesIn(object))
  }
})
