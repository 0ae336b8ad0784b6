import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, expect, test, vi } from 'vitest'
import { openLog, type Log, type LogSettings } from './log.ts'

const opened: Log[] = []
afterEach(async () => {
  await Promise.all(opened.splice(0).map((log) => log.close()))
  vi.restoreAllMocks()
})

const today = (): string => new Date().toISOString().slice(0, 10)
const scratchDir = (): string => mkdtempSync(path.join(tmpdir(), 'tollgate-log-'))

function scratchLog(settings: Partial<LogSettings> = {}): { log: Log; dir: string } {
  const dir = settings.dir ?? path.join(scratchDir(), 'logs')
  const log = openLog({ level: 'info', isStdout: false, ...settings, dir })
  opened.push(log)
  return { log, dir }
}

const logFiles = (dir: string): string[] =>
  readdirSync(dir)
    .filter((name) => name.endsWith('.log'))
    .sort()

function linesIn(dir: string): Record<string, unknown>[] {
  return logFiles(dir)
    .flatMap((name) => readFileSync(path.join(dir, name), 'utf8').split('\n'))
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
}

function heardOnStderr(): string[] {
  const heard: string[] = []
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    heard.push(String(text))
    return true
  })
  return heard
}

test('a line is JSON with its time, level and fields', async () => {
  const { log, dir } = scratchLog()
  log.write('info', { event: 'notice', message: 'hello' })
  await log.flush()
  const [line] = linesIn(dir)
  expect(line).toMatchObject({ level: 'info', event: 'notice', message: 'hello' })
  expect(line?.['time']).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
})

test('a line is written within moments without a flush', async () => {
  const { log, dir } = scratchLog()
  log.write('info', { event: 'a' })
  await expect.poll(() => linesIn(dir)).toHaveLength(1)
  log.write('info', { event: 'b' })
  await expect.poll(() => linesIn(dir)).toHaveLength(2)
})

test('the caller formats nothing: a function of fields is called later', async () => {
  const { log } = scratchLog()
  const fields = vi.fn(() => ({ event: 'later' }))
  log.write('info', fields)
  expect(fields).not.toHaveBeenCalled()
  await log.flush()
  expect(fields).toHaveBeenCalledOnce()
})

test('lines below the level are left out, and the level can change while running', async () => {
  const { log, dir } = scratchLog({ level: 'warn' })
  log.write('info', { event: 'unheard' })
  log.write('warn', { event: 'first' })
  log.setLevel('debug')
  log.write('debug', { event: 'second' })
  await log.flush()
  expect(linesIn(dir).map(({ event }) => event)).toEqual(['first', 'second'])
})

test('files are named by the day and a number, the first of the day without', async () => {
  const { log, dir } = scratchLog({ fileBytesMax: 1024 })
  for (let file = 0; file < 3; file++) {
    for (let line = 0; line < 30; line++)
      log.write('info', { event: 'filler', text: 'x'.repeat(50) })
    await log.flush()
  }
  const day = today()
  expect(logFiles(dir)).toEqual([`server.${day}.1.log`, `server.${day}.2.log`, `server.${day}.log`])
  expect(linesIn(dir)).toHaveLength(90)
})

test('a restart goes on in the newest file', async () => {
  const { log, dir } = scratchLog()
  log.write('info', { event: 'first run' })
  await log.close()
  const { log: second } = scratchLog({ dir })
  second.write('info', { event: 'second run' })
  await second.flush()
  expect(logFiles(dir)).toEqual([`server.${today()}.log`])
  expect(linesIn(dir).map(({ event }) => event)).toEqual(['first run', 'second run'])
})

test('files older than seven days are removed', async () => {
  const dir = scratchDir()
  const eightDaysMs = 8 * 24 * 3600 * 1000
  vi.spyOn(Date, 'now').mockReturnValue(Date.now() - eightDaysMs)
  const { log } = scratchLog({ dir })
  log.write('info', { event: 'old' })
  await log.close()
  vi.restoreAllMocks()
  const [old] = logFiles(dir)
  const { log: later } = scratchLog({ dir })
  later.write('info', { event: 'new' })
  await later.flush()
  expect(old).toBeDefined()
  expect(logFiles(dir)).toEqual([`server.${today()}.log`])
})

test('a broken audit file is replaced, so that old files are still removed', () => {
  const dir = scratchDir()
  writeFileSync(path.join(dir, '.audit.json'), '{"keep":')
  scratchLog({ dir })
  const audit: unknown = JSON.parse(readFileSync(path.join(dir, '.audit.json'), 'utf8'))
  expect(audit).toMatchObject({ keep: { days: true, amount: 7 } })
})

test('files and folder are for the gateway alone', async () => {
  const { log, dir } = scratchLog()
  log.write('info', { event: 'a' })
  await log.flush()
  const modeOf = (name: string): number => statSync(path.join(dir, name)).mode & 0o777
  expect(modeOf('.')).toBe(0o700)
  expect(modeOf(`server.${today()}.log`)).toBe(0o600)
  expect(modeOf('.audit.json')).toBe(0o600)
})

test('ten thousand lines at once all arrive, in order', async () => {
  const { log, dir } = scratchLog()
  for (let index = 0; index < 10_000; index++) log.write('info', { event: 'many', index })
  await log.flush()
  expect(linesIn(dir).map(({ index }) => index)).toEqual([...Array(10_000).keys()])
})

test('lines of requests and others arrive in the order in which they were told, whatever they hold', async () => {
  const { log, dir } = scratchLog()
  const told: string[] = []
  for (let index = 0; index < 2_000; index++) {
    const text = `${index} ${'ü€😀'.repeat(index % 40)}`
    told.push(text)
    if (index % 7 === 0) log.write('info', { text })
    else log.writeReady('info', `"text":${JSON.stringify(text)}`)
  }
  await log.flush()
  expect(linesIn(dir).map(({ text }) => text)).toEqual(told)
})

test('beyond its bound the oldest lines are lost, and the log says how many', async () => {
  const { log, dir } = scratchLog({ linesWaitingMax: 10 })
  for (let index = 0; index < 25; index++) log.write('info', { event: 'many', index })
  await log.flush()
  const [gap, ...rest] = linesIn(dir)
  expect(gap).toMatchObject({ level: 'warn', event: 'log_gap', lines: 15 })
  expect(rest.map(({ index }) => index)).toEqual([15, 16, 17, 18, 19, 20, 21, 22, 23, 24])
})

test('a folder that cannot be made is told once on standard error, and nothing throws', async () => {
  const heard = heardOnStderr()
  const file = path.join(scratchDir(), 'file')
  writeFileSync(file, '')
  const { log } = scratchLog({ dir: path.join(file, 'logs') })
  for (let index = 0; index < 3; index++) {
    log.write('info', { event: 'a' })
    await log.flush()
  }
  await log.close()
  expect(heard).toHaveLength(1)
  expect(heard[0]).toContain(path.join(file, 'logs'))
})

test('a full disk is told once; when it has room again the log goes on and says what is missing', async () => {
  const heard = heardOnStderr()
  const dir = scratchDir()
  const name = path.join(dir, `server.${today()}.log`)
  symlinkSync('/dev/full', name)
  const { log } = scratchLog({ dir })
  log.write('info', { event: 'lost' })
  await log.flush()
  log.write('info', { event: 'lost too' })
  await log.flush()
  expect(heard).toHaveLength(1)
  expect(heard[0]).toContain('ENOSPC')

  unlinkSync(name)
  vi.spyOn(performance, 'now').mockReturnValue(performance.now() + 60_000)
  log.write('info', { event: 'back' })
  await log.flush()
  await log.flush()
  expect(linesIn(dir)).toMatchObject([{ event: 'back' }, { event: 'log_gap', lines: 2 }])
})

test('an event that cannot be written does not take others along', async () => {
  const { log, dir } = scratchLog()
  log.write('info', { event: 'before' })
  log.write('info', () => {
    throw new Error('no fields')
  })
  log.write('info', { event: 'after' })
  await log.flush()
  const events = linesIn(dir).map(({ event }) => event)
  expect(events).toEqual(['before', 'log_line_failed', 'after'])
})

test('closing writes what waits; later lines are ignored', async () => {
  const { log, dir } = scratchLog()
  log.write('info', { event: 'last words' })
  await log.close()
  log.write('info', { event: 'too late' })
  await log.flush()
  expect(linesIn(dir).map(({ event }) => event)).toEqual(['last words'])
})

test('standard output gets the same lines when wished', async () => {
  const heard: string[] = []
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    heard.push(String(text))
    return true
  })
  const { log } = scratchLog({ isStdout: true })
  log.write('info', { event: 'a' })
  log.write('info', { event: 'b' })
  await log.flush()
  const lines = heard.join('').trimEnd().split('\n')
  expect(lines.map((line) => (JSON.parse(line) as { event: string }).event)).toEqual(['a', 'b'])
})
