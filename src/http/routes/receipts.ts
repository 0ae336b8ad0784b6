import type { Context } from 'koa'
import { receiptView } from '../../admin/receipt-view.ts'
import { ownReceipt } from '../../gateway/own-receipt.ts'
import { credentialOf } from '../credential.ts'
import type { Site } from '../site.ts'

/** GET /v1/receipts/{request-id}: how the charge for one request came about. */
export function receipt({ house, usage }: Site) {
  return async (ctx: Context & { params: Record<string, string> }): Promise<void> => {
    const credential = credentialOf(ctx.req.headers)
    const requestId = ctx.params['id'] ?? ''
    ctx.set('cache-control', 'no-store')
    ctx.body = receiptView(await ownReceipt({ ...house, usage }, { credential, requestId }))
  }
}
