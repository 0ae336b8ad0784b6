import { expect, test } from 'vitest'
import { weakness } from './secret-strength.ts'

const WEAK = [
  'your_master_token', // the guide's own samples
  'your_secure_master_token_here',
  'your-secret-key-here',
  'sk-your-actual-openai-key-here',
  'change_this_password',
  'secret_master_key_for_production_2026',
  'changeme-changeme-changeme-changeme',
  'PLEASE-REPLACE-WITH-A-LONG-RANDOM-VALUE',
  'example-Zk3v9Qe7Lw2Rt8Yb5Nc1Xd4Mf6Gh0Jp',
  '<a-long-random-value-goes-in-this-place>',
  '${ADMIN_FIRST:-u7Gq2Zt9Lx4Vb8Nw3Kd6Rf1Yp5}',
  'super-secret-jwt-token-with-at-least-32-characters-long',
  'short-Zk3v9Qe7Lw2', // too short, however random
  'Zk3v9Qe7Lw2Rt8Yb5Nc1Xd4Mf6Gh0Jp',
  '00000000000000000000000000000000', // too few different characters
  'aB3$aB3$aB3$aB3$aB3$aB3$aB3$aB3$',
  'P@ssw0rdP@ssw0rdP@ssw0rdP@ssw0rd',
  '31415926535897932384626433832795', // digits alone
  'abcdefghijklmnopqrstuvwxyz0123456789', // runs
  'qwertyuiopasdfghjklzxcvbnm1234567890',
  '0123456789abcdef0123456789abcdef',
  'a1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p6',
  '1q2w3e4r5t6y7u8i9o0p1q2w3e4r5t6y',
  'password1234567890password1234567890',
  'Xk9#Lm2Xk9#Lm2Qz7!Xk9#Lm2Xk9#Lm2Qz7!', // repeats
  'correct-horse-battery-staple-table', // words
  'correcthorsebatterystapleluckyseven',
  'CorrectHorseBatteryStapleLuckySeven7',
  'the-quick-brown-fox-jumps-over-the-lazy-dog',
  'ThisIsNotAGoodSecretButItIsQuiteLong',
  'deep-assistant-production-master-2026',
  'MySuperSecretAdminPassword2026!!!',
  'Summer2026!Winter2025!Spring2024!',
  '3f8a2c91-7b4e-4d60-9c15-e2a7b8d40f36', // a UUID is 122 bits
  'Zk3v9Qe7Lw2Rt8Yb5 Nc1Xd4Mf6Gh0JpQa3', // a space ends a bearer token
  'Zk3v9Qe7Lw2Rt8Yb5éNc1Xd4Mf6Gh0JpQa3',
]

test.each(WEAK)('%s is refused as a master key', (secret) => {
  const reason = weakness(secret)
  expect(reason).toBeDefined()
  expect(reason).not.toContain(secret)
})

test('at least 30 kinds of weak keys are tried', () => {
  expect(new Set(WEAK).size).toBeGreaterThanOrEqual(30)
})

const STRONG = [
  '9f86d081884c7d659a2feaa0c55ad015', // openssl rand -hex 16
  'E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855',
  'q9Yb3VxT0mJ2kLr8WfZs5DgHc7NpUeAi', // openssl rand -base64 24
  'kR7vQm2XcJ9pLw4TzB8nYh3DfGs6VuEa0KiOxC5dQyM', // 32 bytes in base64url
  'tg-admin-Vq8Zr2Lk9Xw4Tn7Bs3Yd6Hf1Jm5Pc0G',
  'x7#Kp!2vR$9mT&4qW*8zY^1bN@5cL%3d',
  '3f8a2c91-7b4e-4d60-9c15-e2a7b8d40f36c07d51be-92f4-4a38-b1e6-5d9f0a3c8e72',
]

test.each(STRONG)('the random value %s is accepted', (secret) => {
  expect(weakness(secret)).toBeUndefined()
})

test('a very long value is refused before anything slow is done with it', () => {
  expect(weakness('Zk3v9Qe7Lw2'.repeat(1_000_000))).toBe('has more than 1024 characters')
})
