import type { Config, LogLevel, Notice } from './config.ts'
import type { Report } from './problem.ts'
import { readTracing } from './tracing.ts'
import { weakness } from './secret-strength.ts'
import type { Variables } from './variables.ts'

/** What the environment alone says; the rest is in gateway.yaml. */
export type Settings = Readonly<{
  server: Pick<
    Config,
    | 'port'
    | 'host'
    | 'metricsPort'
    | 'metricsHost'
    | 'tracing'
    | 'dbDir'
    | 'logDir'
    | 'logLevel'
    | 'file'
    | 'jwtExpirationHours'
    | 'jwtAlgorithm'
    | 'stopNoticeMs'
  >
  adminFirst: string | undefined
  jwtSecretKey: string | undefined
  tracingHeaders: Readonly<Record<string, string>>
  notices: readonly Notice[]
}>

type Reader = Readonly<{ variables: Variables; report: Report }>

export const DEFAULT_FILE = 'config/gateway.yaml'
const LOG_LEVELS: readonly LogLevel[] = ['error', 'warn', 'info', 'debug']
const GENERATE =
  "make one with: node -e \"console.log(require('crypto').randomBytes(32).toString('base64url'))\""

export function readSettings(reader: Reader): Settings {
  const { plain } = reader.variables
  const { tracing, headers: tracingHeaders } = readTracing(reader)
  const server = {
    port: wholeNumber('PORT', aliased('PORT', reader), {
      fallback: 8088,
      min: 0,
      max: 65_535,
      reader,
    }),
    host: aliased('HOST', reader) ?? '0.0.0.0',
    metricsPort: metricsPort(reader),
    metricsHost: plain('PROMETHEUS_METRICS_HOST') ?? '127.0.0.1',
    tracing,
    dbDir: plain('DB_DIR') ?? './db',
    logDir: plain('LOG_DIR') ?? './logs',
    logLevel: readLogLevel(reader),
    file: plain('GATEWAY_CONFIG') ?? DEFAULT_FILE,
    jwtAlgorithm: readAlgorithm(reader),
    jwtExpirationHours: wholeNumber('JWT_EXPIRATION_HOURS', plain('JWT_EXPIRATION_HOURS'), {
      fallback: 24,
      min: 1,
      max: 8_760,
      reader,
    }),
    stopNoticeMs: wholeNumber('STOP_NOTICE_MS', plain('STOP_NOTICE_MS'), {
      fallback: 5_000,
      min: 0,
      max: 60_000,
      reader,
    }),
  }
  return {
    server,
    adminFirst: strongSecret('ADMIN_FIRST', reader),
    jwtSecretKey: strongSecret('JWT_SECRET_KEY', reader),
    tracingHeaders,
    notices: ['PORT', 'HOST'].flatMap((name) => aliasNotice(name, reader.variables)),
  }
}

function metricsPort(reader: Reader): number | undefined {
  const name = 'PROMETHEUS_METRICS_PORT'
  const text = reader.variables.plain(name)
  if (text === undefined) return undefined
  return wholeNumber(name, text, { fallback: 0, min: 0, max: 65_535, reader })
}

const aliased = (name: string, { variables }: Reader): string | undefined =>
  variables.plain(name) ?? variables.plain(`API_GATEWAY_${name}`)

function aliasNotice(name: string, { plain }: Variables): readonly Notice[] {
  const alias = `API_GATEWAY_${name}`
  const isSame = plain(name) === undefined || plain(name) === plain(alias)
  if (plain(alias) === undefined || isSame) return []
  return [{ kind: 'warning', subject: alias, message: `is not used, because ${name} is set` }]
}

type Whole = Readonly<{ fallback: number; min: number; max: number; reader: Reader }>

function wholeNumber(name: string, text: string | undefined, whole: Whole): number {
  const { fallback, min, max, reader } = whole
  if (text === undefined) return fallback
  const value = /^[0-9]{1,9}$/.test(text) ? Number(text) : NaN
  if (value >= min && value <= max) return value
  complain(reader, name, {
    message: `is not a whole number from ${min} to ${max}`,
    fix: `correct it, or leave it empty for ${fallback}`,
  })
  return fallback
}

function readLogLevel(reader: Reader): LogLevel {
  const text = reader.variables.plain('LOG_LEVEL')?.toLowerCase() ?? 'info'
  const level = LOG_LEVELS.find((known) => known === text)
  if (level !== undefined) return level
  const message = `is none of ${LOG_LEVELS.join(', ')}`
  complain(reader, 'LOG_LEVEL', { message, fix: 'write one of them, or leave it empty for info' })
  return 'info'
}

/** Sessions are signed by a secret of the gateway's own, so only these make sense. */
const ALGORITHMS = ['HS256', 'HS384', 'HS512'] as const

function readAlgorithm(reader: Reader): (typeof ALGORITHMS)[number] {
  const text = reader.variables.plain('JWT_ALGORITHM') ?? 'HS256'
  const algorithm = ALGORITHMS.find((known) => known === text)
  if (algorithm !== undefined) return algorithm
  const message = `is none of ${ALGORITHMS.join(', ')}`
  complain(reader, 'JWT_ALGORITHM', { message, fix: 'leave it empty for HS256' })
  return 'HS256'
}

function strongSecret(name: string, reader: Reader): string | undefined {
  const secret = reader.variables.secret(name)
  const reason = secret === undefined ? undefined : weakness(secret)
  if (reason !== undefined) complain(reader, name, { message: reason, fix: GENERATE })
  return secret
}

function complain(
  { report }: Reader,
  path: string,
  complaint: Readonly<{ message: string; fix: string }>,
): void {
  report({ file: 'environment', line: undefined, path, ...complaint })
}
