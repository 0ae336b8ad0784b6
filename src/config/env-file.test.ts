import { expect, test } from 'vitest'
import { diskFiles } from './disk-files.ts'
import { readEnvFile, readEnvironment, withEnvFile } from './env-file.ts'

test('quotes, comments, export, spaces and Windows line ends are read as other readers do', () => {
  const text = [
    '\uFEFFFIRST=1',
    '# OFF=1',
    'EMPTY=',
    'COMMENTED=value # and why',
    'export EXPORTED="two words # no comment"',
    "SINGLE='as \\n it is'",
    'DOUBLE="line\\nbreak and \\"quotes\\""',
    'SPACED =  value  ',
    'EMPTY_COMMENTED= # nothing',
    'HASHED=# nothing',
    'not an assignment',
    'LAST=end',
  ].join('\r\n')
  expect(readEnvFile(text)).toEqual({
    FIRST: '1',
    EMPTY: '',
    COMMENTED: 'value',
    EXPORTED: 'two words # no comment',
    SINGLE: 'as \\n it is',
    DOUBLE: 'line\nbreak and "quotes"',
    SPACED: 'value',
    EMPTY_COMMENTED: '',
    HASHED: '',
    LAST: 'end',
  })
})

test('a value with # in it is not cut short', () => {
  expect(readEnvFile('KEY=abc#def=ghi')).toEqual({ KEY: 'abc#def=ghi' })
})

test('a quoted value may hold line breaks', () => {
  expect(readEnvFile('A="one\ntwo"\nB=3')).toEqual({ A: 'one\ntwo', B: '3' })
})

test('a lost quote costs its own line only', () => {
  expect(readEnvFile('A="one\nB=2')).toEqual({ A: '"one', B: '2' })
})

test('the real environment wins over .env, unless it is empty', () => {
  const env = withEnvFile({ PORT: '1', HOST: '', DB_DIR: undefined }, 'PORT=2\nHOST=h\nDB_DIR=d')
  expect(env).toEqual({ PORT: '1', HOST: 'h', DB_DIR: 'd' })
})

test('without a .env the environment is what it is, and an unreadable one is no silence', () => {
  const env = { PORT: '1' }
  expect(readEnvironment(env, { read: () => ({ kind: 'missing' }) })).toEqual(env)
  const locked = { read: () => ({ kind: 'unreadable', reason: 'EACCES' }) as const }
  expect(() => readEnvironment(env, locked)).toThrow('.env cannot be read (EACCES)')
})

test('the disk tells a missing file from one that cannot be read', () => {
  expect(diskFiles.read('/no/such/file')).toEqual({ kind: 'missing' })
  expect(diskFiles.read('/')).toEqual({ kind: 'unreadable', reason: 'EISDIR' })
})
