import { expect, test } from 'vitest'
import { doneFrame, streamFrames, wholeAnswer } from '../servers/frames.ts'
import { answerCheck } from './answer-check.ts'

const ok = { status: 200, isChunked: true, bodyBytes: 0 }
const shape = { kind: 'stream', chunks: 10, group: 1, everyMs: 0 } as const
const frames = [...streamFrames(10), doneFrame].map(String)

test('the frames of the upstream are of the size that real ones have', () => {
  expect(wholeAnswer.length).toBeGreaterThan(500)
  expect(wholeAnswer.length).toBeLessThan(600)
  for (const frame of streamFrames(500)) {
    expect(frame.length).toBeGreaterThan(190)
    expect(frame.length).toBeLessThan(260)
  }
})

test('every chunk of a whole stream is counted, wherever the pieces are cut', () => {
  const text = frames.join('')
  for (let size = 1; size < 40; size++) {
    const check = answerCheck(shape)
    let events = 0
    for (let at = 0; at < text.length; at += size) events += check.take(text.slice(at, at + size))
    expect(events).toBe(11)
    expect(check.verdict(ok)).toBeUndefined()
  }
})

test('a stream with a chunk missing, one too many, or no end is wrong', () => {
  const check = answerCheck(shape)
  const verdictOn = (parts: readonly string[]) => {
    for (const part of parts) check.take(part)
    return check.verdict(ok)
  }
  expect(verdictOn(frames.slice(1))).toBe('9 chunks, not 10')
  expect(verdictOn([...frames.slice(0, 1), ...frames])).toBe('11 chunks, not 10')
  expect(verdictOn(frames.slice(0, -1))).toBe('a stream without [DONE]')
  expect(verdictOn(frames)).toBeUndefined()
})

test('a refusal and half an answer are wrong, and say so', () => {
  const check = answerCheck({ kind: 'whole' })
  check.take('{"error":{"message":"no"}}')
  expect(check.verdict({ ...ok, status: 402 })).toBe('status 402: {"error":{"message":"no"}}')
  check.take(String(wholeAnswer).slice(0, -1))
  expect(check.verdict(ok)).toBe('an incomplete completion')
  check.take(String(wholeAnswer))
  expect(check.verdict(ok)).toBeUndefined()
})
