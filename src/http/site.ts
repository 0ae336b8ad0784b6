import type { CreditCorrecting } from '../admin/correct-credit.ts'
import type { KeyIssuing } from '../admin/issue-key.ts'
import type { ProviderStates } from '../admin/provider-states.ts'
import type { Accounts } from '../admin/accounts.ts'
import type { LimitStanding } from '../admin/limit-standing.ts'
import type { KeyAdmin } from '../admin/keys.ts'
import type { Health, WholeHealth } from '../admin/health.ts'
import type { Identities } from '../admin/identify.ts'
import type { Codes } from '../admin/codes.ts'
import type { Invitations } from '../admin/invitations.ts'
import type { AccountPlacing } from '../admin/places.ts'
import type { Webhooks } from '../admin/webhooks.ts'
import type { Services } from '../admin/services.ts'
import type { SubAccounts } from '../admin/sub-accounts.ts'
import type { Login } from '../admin/login.ts'
import type { Users } from '../admin/users.ts'
import type { ServiceCalls } from '../gateway/service-calls.ts'
import type { Completions } from '../gateway/complete.ts'
import type { AuditTrail } from '../ports/trail.ts'
import type { UsageBook } from '../ports/usage.ts'
import type { House } from '../gateway/house.ts'
import type { CorsSettings } from './cross-origin.ts'
import type { Guards } from './guards.ts'
import type { Intake } from './intake.ts'
import type { ServedHosts } from './served-hosts.ts'

/** What the routes lead to. */
export type Site = Readonly<{
  house: House
  completions: Completions
  intake: Intake
  issuing: KeyIssuing
  accounts: Accounts
  keys: KeyAdmin
  limitStanding: LimitStanding
  correcting: CreditCorrecting
  providers: ProviderStates
  identities: Identities
  codes: Codes
  invitations: Invitations
  webhooks: Webhooks
  subAccounts: SubAccounts
  places: AccountPlacing
  configuration: Configuration
  login: Login
  users: Users
  usage: UsageBook
  trail: AuditTrail
  newRequestId: () => string
  settings: () => SiteSettings
  metrics: MetricsPage
  health: () => Health
  services: Services
  serviceCalls: ServiceCalls
  wholeHealth: WholeHealth
}>

/** The file of the configuration: each answers with what is wrong with it, and nothing where all is well. */
export type Configuration = Readonly<{
  check: () => readonly string[]
  /** Puts it in force, where nothing is wrong. */
  reload: (by: string) => Promise<readonly string[]>
}>

type SiteSettings = Readonly<{
  bodyBytesMax: number
  quotaStatus: number
  /** Who takes nothing of what waits for them for so long is taken for gone. */
  idleReaderMs: number
  /** Addresses and ranges whose word on where a request comes from is taken. */
  trustedProxies: readonly string[]
  cors: CorsSettings
  hosts: ServedHosts
  guards: Guards
  version: string
  /** The gateway is stopping: connections are not to be used again. */
  isLeaving: boolean
}>

/** What the gateway measures of itself, as text for Prometheus. */
export type MetricsPage = Readonly<{
  type: string
  text(): Promise<string>
  onTrouble: (error: unknown) => void
  /** It has a port of its own: then it is not here. */
  isElsewhere: boolean
}>
