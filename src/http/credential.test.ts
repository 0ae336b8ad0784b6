import { expect, test } from 'vitest'
import { credentialOf } from './credential.ts'

test.each<[string, Record<string, string>, string | undefined]>([
  ['OpenAI clients', { authorization: 'Bearer tg-1' }, 'tg-1'],
  ['a scheme in other letters', { authorization: 'bEARER  tg-1 ' }, 'tg-1'],
  ['Anthropic clients', { 'x-api-key': 'tg-2' }, 'tg-2'],
  ['Azure clients', { 'api-key': ' tg-3' }, 'tg-3'],
  ['Gemini clients', { 'x-goog-api-key': 'tg-4' }, 'tg-4'],
  ['Claude Code, which sends both', { authorization: 'Bearer tg-1', 'x-api-key': 'tg-2' }, 'tg-1'],
  ['another scheme beside a key', { authorization: 'Basic eA==', 'x-api-key': 'tg-2' }, 'tg-2'],
  ['another scheme', { authorization: 'Basic eA==' }, undefined],
  ['a bearer of nothing', { authorization: 'Bearer ' }, ''],
  ['a bare token', { authorization: 'tg-1' }, undefined],
  ['nobody', {}, undefined],
])('the secret of %s is found', (_who, headers, secret) => {
  expect(credentialOf(headers)).toBe(secret)
})
