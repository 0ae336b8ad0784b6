import { receiptView } from '../../admin/receipt-view.ts'
import { ownReceipt } from '../../gateway/own-receipt.ts'
import { route } from '../route.ts'
import { receiptForm } from './receipt-form.ts'

export const receiptRoutes = [
  route({
    method: 'GET',
    path: '/v1/receipts/{id}',
    access: 'user',
    canWait: true,
    summary: 'How the charge for one request came about',
    answer: receiptForm,
    handle: async ({ house, usage }, { actor, params }) =>
      receiptView(
        await ownReceipt(
          { ...house, usage },
          { credential: actor.key, requestId: params['id'] ?? '' },
        ),
      ),
  }),
]
