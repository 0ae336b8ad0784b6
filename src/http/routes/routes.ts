import type { Route } from '../route.ts'
import { aboutRoutes } from './about.ts'
import { accountRoutes } from './account.ts'
import { adminAccountRoutes } from './admin-accounts.ts'
import { auditRoutes } from './admin-audit.ts'
import { creditRoutes } from './admin-credits.ts'
import { adminHealthRoutes } from './admin-health.ts'
import { keyRoutes } from './admin-keys.ts'
import { placeRoutes } from './admin-places.ts'
import { providerRoutes } from './admin-providers.ts'
import { codeRoutes } from './codes.ts'
import { invitationRoutes } from './invitations.ts'
import { explainedRoutes } from './admin-routes.ts'
import { adminModelRoutes } from './admin-models.ts'
import { adminRequestRoutes } from './admin-requests.ts'
import { userRoutes } from './admin-users.ts'
import { webhookRoutes } from './admin-webhooks.ts'
import { chatRoutes } from './chat-completions.ts'
import { docsRoutes } from './docs.ts'
import { healthRoutes } from './health.ts'
import { legacyRoutes } from './legacy.ts'
import { metricsRoutes } from './metrics.ts'
import { modelRoutes } from './models.ts'
import { receiptRoutes } from './receipts.ts'
import { requestRoutes } from './requests.ts'
import { serviceRoutes } from './services.ts'
import { sessionRoutes } from './sessions.ts'
import { subAccountRoutes } from './sub-accounts.ts'
import { usageRoutes } from './usage.ts'

/** Every way into the gateway, in the order of the documentation; each resource has a file of its own. */
export const ROUTES: readonly Route[] = [
  ...chatRoutes,
  ...modelRoutes,
  ...accountRoutes,
  ...usageRoutes,
  ...receiptRoutes,
  ...requestRoutes,
  ...subAccountRoutes,
  ...codeRoutes,
  ...invitationRoutes,
  ...sessionRoutes,
  ...adminAccountRoutes,
  ...creditRoutes,
  ...placeRoutes,
  ...webhookRoutes,
  ...keyRoutes,
  ...userRoutes,
  ...adminModelRoutes,
  ...adminRequestRoutes,
  ...providerRoutes,
  ...explainedRoutes,
  ...auditRoutes,
  ...adminHealthRoutes,
  ...legacyRoutes,
  ...aboutRoutes,
  ...serviceRoutes,
  ...docsRoutes(() => ROUTES),
  ...healthRoutes,
  ...metricsRoutes,
]
