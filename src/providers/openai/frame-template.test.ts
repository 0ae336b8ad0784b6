import fc from 'fast-check'
import { expect, test } from 'vitest'
import { FrameTemplate } from './frame-template.ts'

const payload = (text: string): string =>
  `{"id":"a","choices":[{"index":0,"delta":{"content":${JSON.stringify(text)}},"finish_reason":null}]}`
const deaf = { addText: () => undefined }
const frame = (inside: string): string => `data: ${inside}\n\n`

function learned(): FrameTemplate {
  const template = new FrameTemplate()
  template.learn(payload('first'))
  return template
}

test('frames that differ in their text alone are passed over, up to the first that does not', () => {
  const run = frame(payload('a')) + frame(payload('')) + frame(payload('日本 b'))
  const rest = frame(payload('b').replace('null', '"stop"')) + frame(payload('c'))
  expect(learned().skim(Buffer.from(run + rest), deaf)).toBe(Buffer.byteLength(run))
})

test.each([
  ['a finish', payload('x').replace('null', '"stop"')],
  ['another field', payload('x').replace('"index"', '"usage":{},"index"')],
  ['an escaped quote', payload('say "x"')],
  ['a text that ends in a backslash', payload('x').replace('"x"', '"x\\"')],
  ['a line end in the text', payload('x').replace('"x"', '"x\n"')],
  ['half of it', payload('x').slice(0, -2)],
])('%s is left to be looked at', (_what, inside) => {
  expect(learned().skim(Buffer.from(frame(inside)), deaf)).toBe(0)
})

test('the texts are told, each where it stands', () => {
  const texts: string[] = []
  const bytes = Buffer.from(frame(payload('a')) + frame(payload('')) + frame(payload('日本 b')))
  learned().skim(bytes, {
    addText: (all, from, to) => texts.push(Buffer.from(all.subarray(from, to)).toString()),
  })
  expect(texts).toEqual(['a', '', '日本 b'])
})

test('nothing is learned from a frame with two texts: one of them would not be counted', () => {
  const template = new FrameTemplate()
  const twice = payload('a').replace('"delta":{', '"delta":{"reasoning":"b",')
  template.learn(twice)
  expect(template.skim(Buffer.from(frame(twice)), deaf)).toBe(0)
})

test('nothing is passed over before anything is learned, or when its text cannot be told', () => {
  const template = new FrameTemplate()
  expect(template.skim(Buffer.from(frame(payload('a'))), deaf)).toBe(0)
  template.learn(payload('ends in \\'))
  template.learn('{"choices":[]}')
  expect(template.skim(Buffer.from(frame(payload('a'))), deaf)).toBe(0)
})

test('whatever is passed over is JSON without a finish', () => {
  fc.assert(
    fc.property(fc.string(), fc.constantFrom('null', '"stop"', '"length"'), (text, reason) => {
      const sent = frame(payload(text).replace('null', () => reason))
      const passed = learned().skim(Buffer.from(sent), deaf)
      if (passed === 0) return
      expect(JSON.parse(sent.slice(6))).toMatchObject({ choices: [{ finish_reason: null }] })
    }),
  )
})
