import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DeliveredText } from './delivered.ts'

const frame = (delta: object): Buffer =>
  Buffer.from(`data: ${JSON.stringify({ id: 'c', choices: [{ index: 0, delta }] })}\n\n`)

function deliveredFrom(frames: readonly Buffer[]) {
  const delivered = new DeliveredText()
  for (const one of frames) delivered.addFrames(one)
  return delivered.get()
}

describe('the delivered text', () => {
  test('is all that the model wrote: text, reasoning, refusal and tool arguments', () => {
    const frames = [
      frame({ role: 'assistant', content: '' }),
      frame({ reasoning_content: 'Hm. ' }),
      frame({ reasoning: 'So. ' }),
      frame({ content: 'Yes ', name: 'not this' }),
      frame({ content: null, refusal: 'No ' }),
      frame({
        tool_calls: [{ index: 0, id: 'x', function: { name: 'f', arguments: '{"a": "b"}' } }],
      }),
    ]
    expect(deliveredFrom(frames).text).toBe('Hm. So. Yes No {"a": "b"}')
  })

  test('is what goes into tools that take any text, what is spoken, and texts in parts', () => {
    const custom = { type: 'custom', custom: { name: 'f', input: 'One ' } }
    const thought = { type: 'thinking', thinking: [{ type: 'text', text: 'Three ' }] }
    const frames = [
      frame({ tool_calls: [{ index: 0, id: 'x', ...custom }] }),
      frame({ audio: { id: 'x', data: 'UklGRg==', transcript: 'Two ' } }),
      frame({ content: [thought, { text: 'Four "4" ', type: 'text' }] }),
      frame({ content: [{ type: 'text', text: 'Five' }] }),
    ]
    const delivered = deliveredFrom(frames)
    expect(delivered.text).toBe('One Two Three Four "4" Five')
    expect(delivered.isContent).toBe(false)
  })

  test('is not told twice where it stands in its details too', () => {
    const details = [{ type: 'reasoning.text', text: 'Hm.' }]
    expect(deliveredFrom([frame({ reasoning: 'Hm.', reasoning_details: details })]).text).toBe(
      'Hm.',
    )
  })

  test('is found with spaces behind the colons too', () => {
    expect(deliveredFrom([Buffer.from('data: {"delta": {"content": "One"}}\n\n')]).text).toBe('One')
  })

  test('does not count obfuscation, names or log probabilities', () => {
    const choices = [{ delta: { content: 'A' }, logprobs: { content: [{ token: 'B' }] } }]
    const text = `data: ${JSON.stringify({ choices, obfuscation: 'C' })}\n\n`
    expect(deliveredFrom([Buffer.from(text)]).text).toBe('A')
  })

  test('comes back as it was written, whatever is in it', () => {
    const texts = fc.array(fc.oneof(fc.string({ unit: 'binary' }), fc.string()), { maxLength: 8 })
    fc.assert(
      fc.property(texts, (list) => {
        const { text } = deliveredFrom(list.map((content) => frame({ content })))
        expect(text).toBe(list.join(''))
      }),
    )
  })

  test('is whole beyond 64 KiB, and when asked for in between', () => {
    const delivered = new DeliveredText()
    let expected = ''
    for (let index = 0; index < 6_000; index++) {
      const content = `${index} Grüße "${'x'.repeat(index % 90)}"\n`
      delivered.addFrames(frame({ content }))
      expected += content
      if (index === 1_000) expect(delivered.get().text).toBe(expected)
    }
    expect(expected.length).toBeGreaterThan(256 * 1024)
    expect(delivered.get().text).toBe(expected)
    expect(delivered.get().text).toBe(expected)
  })

  test('of one frame larger than all the room there is, is whole', () => {
    const content = 'y'.repeat(300_000)
    expect(deliveredFrom([frame({ content: 'a' }), frame({ content })]).text).toBe(`a${content}`)
  })

  test('has its size in bytes, ASCII apart', () => {
    expect(deliveredFrom([frame({ content: 'Hello' })]).size).toEqual({ ascii: 5, other: 0 })
    expect(deliveredFrom([frame({ content: '你好' })]).size).toEqual({ ascii: 0, other: 6 })
    expect(deliveredFrom([]).size).toEqual({ ascii: 0, other: 0 })
  })

  test('keeps its order when frames and bare texts take turns', () => {
    const delivered = new DeliveredText()
    const add = (inner: string) =>
      delivered.addText(Buffer.from(`<${inner}>`), 1, Buffer.byteLength(inner) + 1)
    add('One ')
    add(String.raw`\"two\" `)
    delivered.addFrames(frame({ content: 'three ' }))
    add('vier: ü ')
    add('x'.repeat(100_000))
    delivered.addFrames(frame({ content: ' five' }))
    expect(delivered.get().text).toBe(`One "two" three vier: ü ${'x'.repeat(100_000)} five`)
  })
})
