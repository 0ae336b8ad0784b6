import { operatorReceiptView } from '../../admin/receipt-view.ts'
import { Failure } from '../../domain/failure.ts'
import { receiptOf } from '../../domain/receipt.ts'
import { route } from '../route.ts'
import { operatorReceiptForm } from './receipt-form.ts'

export const adminRequestRoutes = [
  route({
    method: 'GET',
    path: '/admin/requests/{request}',
    access: 'viewer',
    summary: 'The receipt of any request, with the deployments that were asked',
    answer: operatorReceiptForm,
    async handle({ usage }, { params }) {
      const records = await usage.request(params['request'] ?? '')
      if (records !== undefined) return operatorReceiptView(receiptOf(records))
      throw new Failure(
        'not_found',
        'There is no such request. Give the x-request-id of an answer.',
      )
    },
  }),
]
