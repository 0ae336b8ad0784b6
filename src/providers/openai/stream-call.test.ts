import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { drip, Heard, recorded, sse, STREAM, upstream } from './fixtures/loopback.ts'

describe('a streamed answer', () => {
  test('passes byte for byte, and ends with its usage', async () => {
    const provider = await upstream((_req, res) => sse(res).end(recorded))
    const heard = new Heard(provider, STREAM)
    const usage = { input: 14, output: 9 }
    expect(await heard.over).toMatchObject({ kind: 'finished', usage, serviceTier: 'default' })
    expect(heard.told).toEqual({ accepted: 1, ends: 1 })
    const shown = recorded.toString().split('\n\n').slice(0, 6)
    expect(heard.text).toBe(`${shown.join('\n\n')}\n\n`)
    expect(heard.visible.at(-1)).toBe(true)
    expect(heard.call.isFinishing).toBe(true)
    expect(heard.call.delivered().text).toContain('Grüße')
  })

  test('dripped byte by byte comes to the same', async () => {
    const provider = await upstream((_req, res) => void drip(sse(res), recorded))
    const heard = new Heard(provider, STREAM)
    expect(await heard.over).toMatchObject({ kind: 'finished', usage: { input: 14, output: 9 } })
    expect(heard.text.split('\n\n')).toHaveLength(7)
  })

  test.each([
    ['in the middle of an event', recorded.indexOf(Buffer.from('👋🏽')) + 2],
    ['behind an event', recorded.indexOf(Buffer.from('"obfuscation":"Zk0"')) + 22],
  ])('cut %s is broken, and what came before was shown', async (_where, at) => {
    const provider = await upstream((_req, res) => {
      sse(res).write(recorded.subarray(0, at), () => setTimeout(() => res.destroy(), 20))
    })
    const heard = new Heard(provider, STREAM)
    expect(await heard.over).toMatchObject({ kind: 'fault', fault: { kind: 'broken' } })
    expect(heard.told).toEqual({ accepted: 1, ends: 1 })
    expect(recorded.toString().startsWith(heard.text)).toBe(true)
    expect(heard.visible.at(-1)).toBe(true)
  })

  test('ended properly but without a finish is broken as well, [DONE] or not', async () => {
    const first = recorded.toString().split('\n\n').slice(0, 2).join('\n\n')
    for (const end of ['\n\n', '\n\ndata: [DONE]\n\n']) {
      const provider = await upstream((_req, res) => sse(res).end(first + end))
      const broken = { kind: 'fault', fault: { kind: 'broken' } }
      expect(await new Heard(provider, STREAM).over).toMatchObject(broken)
    }
  })

  test('cut behind its finish is whole, with whatever usage came', async () => {
    const at = recorded.indexOf('data: {', recorded.indexOf('"finish_reason":"stop"'))
    const provider = await upstream((_req, res) => {
      sse(res).write(recorded.subarray(0, at), () => setTimeout(() => res.destroy(), 20))
    })
    const end = await new Heard(provider, STREAM).over
    expect(end).toMatchObject({ kind: 'finished', usage: undefined })
  })

  test.each([
    ['behind its finish', '"finish_reason":"stop"', { kind: 'finished', usage: undefined }],
    ['before it', '"obfuscation":"Zk0"', { kind: 'fault', fault: { kind: 'timeout' } }],
  ])(
    'that is given up %s ends as if it were cut there, and loses its connection',
    async (_where, mark, expected) => {
      let closed: (value: string) => void = () => undefined
      const wasClosed = new Promise((resolve) => (closed = resolve))
      const provider = await upstream((_req, res) => {
        res.once('close', () => closed('closed'))
        sse(res).write(recorded.subarray(0, recorded.indexOf('data: {', recorded.indexOf(mark))))
      })
      const heard = new Heard(provider, STREAM)
      await expect.poll(() => heard.text).toContain(mark)
      heard.call.giveUp({ kind: 'timeout', detail: 'too late' })
      heard.call.giveUp({ kind: 'timeout', detail: 'later still' })
      expect(await heard.over).toMatchObject(expected)
      expect(heard.told).toEqual({ accepted: 1, ends: 1 })
      expect(await Promise.race([wasClosed, pause(1_000)])).toBe('closed')
    },
  )

  test('whose last line end is missing is whole', async () => {
    const text = recorded.toString().replace('data: [DONE]\n\n', '').trimEnd()
    const provider = await upstream((_req, res) => sse(res).end(text))
    const end = await new Heard(provider, STREAM).over
    expect(end).toMatchObject({ kind: 'finished', usage: { output: 9 } })
  })

  test.each<[string, string, string, string]>([
    ['empty', 'text/event-stream', '', 'empty'],
    ['[DONE] alone', 'text/event-stream', 'data: [DONE]\n\n', 'empty'],
    ['a web page', 'text/html; charset=utf-8', '<html>busy</html>', 'broken'],
    ['a web page with nothing on it', 'text/html', '', 'broken'],
    ['a web page that says otherwise', 'text/event-stream', '<html>busy</html>', 'broken'],
    ['JSON', 'application/json', JSON.stringify({ error: { message: 'no' } }), 'broken'],
    ['an error event', 'text/event-stream', 'data: {"error":{"code":503}}\n\n', 'server'],
  ])('that is %s is a fault, and shows nothing', async (_what, type, body, kind) => {
    const provider = await upstream((_req, res) => {
      res.writeHead(200, { 'content-type': type }).end(body)
    })
    const heard = new Heard(provider, STREAM)
    expect(await heard.over).toMatchObject({ kind: 'fault', fault: { kind } })
    expect(heard.text).toBe('')
    expect(heard.told).toEqual({ accepted: 1, ends: 1 })
  })

  test('of more than 64 MiB is cut, unless so much was asked for', async () => {
    const line = `data: {"choices":[{"delta":{"content":"${'x'.repeat(1024 * 1024)}"}}]}\n\n`
    const provider = await upstream((_req, res) => {
      sse(res)
      for (let sent = 0; sent < 66; sent++) res.write(line)
      res.end(recorded)
    })
    const few = new Heard(provider, STREAM, { cap: 16_000 })
    expect(await few.over).toMatchObject({ fault: { detail: 'the answer is too large' } })
    const many = new Heard(provider, { ...STREAM, n: 3 }, { cap: 6_000 })
    expect(await many.over).toMatchObject({ kind: 'finished' })
    const long = new Heard(provider, STREAM, { cap: 18_000 })
    expect(await long.over).toMatchObject({ kind: 'finished', usage: { output: 9 } })
  }, 30_000)

  test('paused is not read on, and resumed comes whole', async () => {
    const line = `data: {"choices":[{"delta":{"content":"${'x'.repeat(16_000)}"}}]}\n\n`
    let wasFull = false
    const provider = await upstream((_req, res) => {
      sse(res)
      let left = 2_000
      const more = () => {
        while (left > 0) {
          left--
          if (res.write(line)) continue
          wasFull = true
          res.once('drain', more)
          return
        }
        res.end(recorded)
      }
      more()
    })
    const heard = new Heard(provider, STREAM)
    heard.call.pause()
    await pause(300)
    const before = Buffer.concat(heard.frames).length
    expect({ wasFull, ends: heard.ends.length }).toEqual({ wasFull: true, ends: 0 })
    expect(before).toBeLessThan(1024 * 1024)
    heard.call.resume()
    expect(await heard.over).toMatchObject({ kind: 'finished' })
    expect(Buffer.concat(heard.frames).length).toBeGreaterThan(2_000 * line.length)
  })

  test('cancelled in the middle is told no more, and the upstream’s connection closes', async () => {
    let closed: (value: string) => void = () => undefined
    const wasClosed = new Promise((resolve) => (closed = resolve))
    const provider = await upstream((_req, res) => {
      res.once('close', () => closed('closed'))
      const timer = setInterval(() => res.write(recorded.subarray(0, 1_200)), 5)
      res.once('close', () => clearInterval(timer))
      sse(res)
    })
    const heard = new Heard(provider, STREAM)
    while (heard.frames.length < 3) await pause(5)
    heard.call.cancel()
    const shown = heard.frames.length
    expect(await Promise.race([wasClosed, pause(1_000)])).toBe('closed')
    await pause(30)
    expect(heard.frames).toHaveLength(shown)
    expect(heard.told).toEqual({ accepted: 1, ends: 0 })
  })

  test('of an upstream that bends the format is straightened', async () => {
    const provider = await upstream((_req, res) => sse(res).end(recorded))
    const heard = new Heard(provider, STREAM, { repair: true })
    await heard.over
    expect(heard.text.match(/"id":"chatcmpl-req_1"/g)).toHaveLength(6)
    expect(heard.text.match(/"model":"public"/g)).toHaveLength(6)
  })
})
