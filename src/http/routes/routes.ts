import Router from '@koa/router'
import { koaBody } from 'koa-body'
import type { Site } from '../site.ts'
import { changeAccount } from './admin-accounts.ts'
import { adminAudit } from './admin-audit.ts'
import { accountCredits, refunds, transfers } from './admin-credits.ts'
import { issueKeyRoute } from './admin-keys.ts'
import { listProviders, switchProvider } from './admin-providers.ts'
import { CHAT_COMPLETIONS, routedChatCompletions } from './chat-completions.ts'
import { account } from './account.ts'
import { liveness, health, readiness } from './health.ts'
import { model, models } from './models.ts'
import { receipt } from './receipts.ts'
import { usage } from './usage.ts'
import { explainedRoute } from './admin-routes.ts'
import { adminUsage } from './admin-usage.ts'
import { about } from './about.ts'
import { cancelRequest } from './requests.ts'
import { beginSession, validateSession } from './sessions.ts'

/** Every route of the gateway; each resource has a file of its own. */
export function routes(site: Site): Router {
  const router = new Router()
  const json = koaBody({ jsonLimit: '1mb', text: false, urlencoded: false })
  router.post(CHAT_COMPLETIONS, routedChatCompletions(site))
  router.get('/v1/models', models(site))
  router.get('/v1/models/*id', model(site))
  router.get('/v1/account', account(site))
  router.get('/v1/usage', usage(site))
  router.get('/v1/receipts/:id', receipt(site))
  router.post('/v1/requests/:id/cancel', cancelRequest(site))
  router.get('/', about(site))
  router.get('/health', health(site))
  router.get('/healthz', liveness)
  router.get('/readyz', readiness(site))
  router.post('/auth/session', beginSession(site))
  router.get('/auth/validate', validateSession(site))
  router.post('/admin/keys', json, issueKeyRoute(site))
  router.get('/admin/usage', adminUsage(site))
  router.get('/admin/audit', adminAudit(site))
  router.get('/admin/routes/*model', explainedRoute(site))
  router.patch('/admin/accounts/:account', json, changeAccount(site))
  router.post('/admin/accounts/:account/credits/:change', json, accountCredits(site))
  router.post('/admin/transfers', json, transfers(site))
  router.post('/admin/requests/:id/refund', json, refunds(site))
  router.get('/admin/providers', listProviders(site))
  router.post('/admin/providers/:provider', json, switchProvider(site))
  return router
}
