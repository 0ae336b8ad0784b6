import type { Issuer } from '../domain/issuer.ts'
import type { InvitationBonus } from '../domain/code.ts'
import type { MicroCredits } from '../domain/money.ts'
import type { Model, Tier, Timeouts } from '../domain/model.ts'
import type { OutcomeSettings } from '../domain/outcome.ts'
import type { OverloadSettings } from '../domain/pressure.ts'
import type { Accounting } from '../domain/price.ts'
import type { ResilienceSettings } from '../domain/resilience.ts'
import type { Service } from '../domain/service.ts'

/** Everything that may be shown to anybody who operates the gateway: there is no secret in it. */
export type Config = Readonly<{
  port: number
  host: string
  /** The metrics' own; undefined: they are on the main port, for admins. */
  metricsPort: number | undefined
  metricsHost: string
  /** Where traces go; undefined: there are none. */
  tracing: TracingSettings | undefined
  dbDir: string
  logDir: string
  logLevel: LogLevel
  /** The file that this came from, as it was named: re-read on change and on SIGHUP. */
  file: string
  jwtExpirationHours: number
  /** By which sessions are signed. */
  jwtAlgorithm: 'HS256' | 'HS384' | 'HS512'
  /** After SIGTERM it is not ready, but still serves for so long: a proxy needs time to notice. */
  stopNoticeMs: number
  accounting: Accounting & Readonly<{ defaultMaxOutput: number }>
  /** By name; `free` is always there, and new accounts get it. */
  tiers: ReadonlyMap<string, Tier>
  /** Only those that are on, in the order of the file. */
  providers: readonly ProviderSettings[]
  /** Only those with at least one deployment that is on, in the order of the file. Wildcards end with `*`. */
  models: readonly Model[]
  /** Other names of models that are on → the models' own. */
  aliases: ReadonlyMap<string, string>
  /** Upstreams behind prefixes of the path. */
  services: readonly Service[]
  outcomes: OutcomeSettings
  resilience: ResilienceSettings
  streams: StreamSettings
  /** 0: retries are calls of their own. */
  joinRetriesMs: number
  limits: LimitSettings
  strangers: Readonly<{ requestsPerMinute: number; failuresPerMinute: number }>
  /** Addresses and ranges whose word on where a request comes from is taken. */
  trustedProxies: readonly string[]
  overload: OverloadSettings
  /** Where old segments of the journal go; undefined: all of them stay. */
  archive: ArchiveSettings | undefined
  /** What both sides of an invitation get; zero for both is none. */
  invitations: InvitationBonus
  webhooks: WebhookSettings
  /** What an account without credit is answered: 402, or 429 as OpenAI does. */
  quotaStatus: 402 | 429
  /** Pages of which origins may call: /v1 (undefined is any), and the rest. */
  cors: Readonly<{ origins: ReadonlySet<string> | undefined; adminOrigins: ReadonlySet<string> }>
  /** By which names the gateway may be asked; undefined is by any. */
  hosts: ReadonlySet<string> | undefined
  /** What browsers are told, where a setting has a say in it. */
  securityHeaders: Readonly<{ strictTransport: string; xssProtection: string }>
  /** Who else may say who is who. */
  issuers: readonly Issuer[]
  /** No real provider is on, so the demo provider serves the model `demo`. */
  isDemo: boolean
}>

export type TracingSettings = Readonly<{ endpoint: string; serviceName: string; ratio: number }>

export type LogLevel = 'error' | 'warn' | 'info' | 'debug'

type Protocol = 'openai' | 'demo'

/** What an adapter needs to know of a provider, but for its keys. */
export type ProviderSettings = Readonly<{
  id: string
  protocol: Protocol
  /** Without a slash at its end; empty for the demo provider. */
  baseUrl: string
  timeouts: Timeouts
  /** Sent with every request, names in lower case. */
  headers: Readonly<Record<string, string>>
  /** 0 for a provider that needs none (a local model server). */
  keyCount: number
  /** How it is asked whether it is well; undefined: not at all. */
  probe: Readonly<{ everyMs: number; timeoutMs: number }> | undefined
}>

type StreamSettings = Readonly<{
  isKeepAliveOn: boolean
  keepAliveMs: number
  keepAliveDelayMs: number
  idleReaderMs: number
}>

type LimitSettings = Readonly<{
  bodyBytesMax: number
  inFlightMax: number
  keyInFlightMax: number
  accountInFlightMax: number
  connectionsMax: number
  attemptsMax: number
  limiterFailure: 'allow' | 'refuse'
  /** Below so much room in the data folder new requests are refused; undefined leaves it to the size of the disk. */
  diskFreeBytesMin: number | undefined
}>

/** Zero: no charge is large, no key is told of. */
type WebhookSettings = Readonly<{
  /** Ranges that are not on the open internet, and to which webhooks may lead all the same. */
  allowedNetworks: readonly string[]
  largeCharge: MicroCredits
  keyExpiringMs: number
}>

type ArchiveSettings = Readonly<{ to: string; afterMs: number }>

/** Kept apart from Config so that no log line, dump or answer made of Config can hold one. */
export type Secrets = Readonly<{
  adminFirst: string | undefined
  jwtSecretKey: string | undefined
  /** For the collector of traces. */
  tracingHeaders: Readonly<Record<string, string>>
  /** By provider id, in the order of `Deployment.keyIndex`; an empty list for a provider that needs none. */
  providerKeys: ReadonlyMap<string, readonly string[]>
}>

/** Something that stops the start: all of them are reported at once. Never holds a secret. */
export type Problem = Readonly<{
  /** A file as it was named, or `environment`. */
  file: string
  line: number | undefined
  /** `models[3].price`, or the variable's name. */
  path: string
  message: string
  fix: string
}>

/** Something worth knowing that stops nothing. */
export type Notice = Readonly<{
  kind: 'provider_off' | 'model_off' | 'demo_on' | 'demo_off' | 'warning'
  /** The id of the provider or model, or the place in the file. */
  subject: string
  message: string
}>

export type Environment = Readonly<Record<string, string | undefined>>

export type FileRead =
  | Readonly<{ kind: 'text'; text: string }>
  | Readonly<{ kind: 'missing' }>
  | Readonly<{ kind: 'unreadable'; reason: string }>

/** How the loader reads files: `diskFiles` in production, a map in tests. */
export type Files = Readonly<{ read: (path: string) => FileRead }>

export type LoadedConfig =
  | Readonly<{ ok: true; config: Config; secrets: Secrets; notices: readonly Notice[] }>
  | Readonly<{ ok: false; problems: readonly Problem[] }>
