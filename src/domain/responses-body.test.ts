import { describe, expect, test } from 'vitest'
import { chatBodyFrom, isResponsesBody } from './responses-body.ts'

describe('a body in the shape of the Responses API', () => {
  test('is told from a chat by its input', () => {
    expect(
      [{ input: 'Hi' }, { messages: [], input: 'Hi' }, { model: 'm' }, [], 'Hi'].map(
        isResponsesBody,
      ),
    ).toEqual([...[true, false, false, false, false]])
  })

  test('is a chat with the same words, cap, format and effort', () => {
    expect(
      chatBodyFrom({
        ...{ model: 'm', stream: true, store: false, include: [], truncation: 'auto', user: 'u' },
        ...{ instructions: 'Be brief.', input: 'Hi', max_output_tokens: 33 },
        text: {
          format: { type: 'json_schema', name: 'n', schema: {}, strict: true },
          verbosity: 'low',
        },
        reasoning: { effort: 'high', summary: 'auto' },
      }),
    ).toEqual({
      ...{ model: 'm', stream: true, user: 'u', max_completion_tokens: 33 },
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'Hi' },
      ],
      response_format: {
        type: 'json_schema',
        json_schema: { name: 'n', schema: {}, strict: true },
      },
      ...{ verbosity: 'low', reasoning_effort: 'high' },
    })
  })

  test('keeps pictures, and makes text of parts that are text alone', () => {
    const { messages } = chatBodyFrom({
      input: [
        {
          role: 'user',
          content: [
            { type: 'input_text', text: 'What is ' },
            { type: 'input_text', text: 'this?' },
          ],
        },
        { role: 'user', content: [{ type: 'input_image', image_url: 'data:x', detail: 'low' }] },
        { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'A cat.' }] },
        { type: 'reasoning', summary: [] },
      ],
    })
    expect(messages).toEqual([
      { role: 'user', content: 'What is this?' },
      {
        role: 'user',
        content: [{ type: 'image_url', image_url: { url: 'data:x', detail: 'low' } }],
      },
      { role: 'assistant', content: 'A cat.' },
    ])
  })

  test('has its functions, their calls and what they gave as a chat has them', () => {
    const call = (id: string) => ({
      type: 'function_call',
      call_id: id,
      name: 'f',
      arguments: '{}',
    })
    const chatCall = (id: string) => ({
      id,
      type: 'function',
      function: { name: 'f', arguments: '{}' },
    })
    const body = chatBodyFrom({
      input: [
        ...[{ role: 'user', content: 'Go' }, call('a'), call('b')],
        { type: 'function_call_output', call_id: 'a', output: '1' },
      ],
      tools: [{ type: 'function', name: 'f', parameters: {} }],
      tool_choice: { type: 'function', name: 'f' },
    })
    expect(body).toEqual({
      messages: [
        { role: 'user', content: 'Go' },
        { role: 'assistant', content: null, tool_calls: [chatCall('a'), chatCall('b')] },
        { role: 'tool', tool_call_id: 'a', content: '1' },
      ],
      tools: [{ type: 'function', function: { name: 'f', parameters: {} } }],
      tool_choice: { type: 'function', function: { name: 'f' } },
    })
  })

  test('has its custom tools, their calls and what they gave as a chat has them', () => {
    const grammar = { syntax: 'lark', definition: 'start: "x"' }
    const body = chatBodyFrom({
      input: [
        { type: 'custom_tool_call', call_id: 'a', name: 'patch', input: '*** Begin' },
        { type: 'custom_tool_call_output', call_id: 'a', output: 'Done.' },
      ],
      tools: [
        { type: 'custom', name: 'patch', format: { type: 'grammar', ...grammar } },
        { type: 'custom', name: 'note', format: { type: 'text' } },
        { type: 'custom', custom: { name: 'nested' } },
      ],
      tool_choice: { type: 'custom', name: 'patch' },
    })
    const call = { id: 'a', type: 'custom', custom: { name: 'patch', input: '*** Begin' } }
    expect(body).toEqual({
      messages: [
        { role: 'assistant', content: null, tool_calls: [call] },
        { role: 'tool', tool_call_id: 'a', content: 'Done.' },
      ],
      tools: [
        { type: 'custom', custom: { name: 'patch', format: { type: 'grammar', grammar } } },
        { type: 'custom', custom: { name: 'note', format: { type: 'text' } } },
        { type: 'custom', custom: { name: 'nested' } },
      ],
      tool_choice: { type: 'custom', custom: { name: 'patch' } },
    })
  })

  test.each([
    [{ input: 'Hi', previous_response_id: 'resp_1' }, 'previous_response_id'],
    [{ input: [{ type: 'file_search_call' }] }, 'input[0]'],
    [{ input: [{ role: 'user', content: 'Hi' }, 7] }, 'input[1]'],
  ])('that cannot be a chat is refused: %j', (body, param) => {
    expect(() => chatBodyFrom(body)).toThrow(expect.objectContaining({ details: { param } }))
  })
})
