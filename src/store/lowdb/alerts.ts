import type { Alert, WebhookRecord } from '../../domain/alert.ts'
import type { Entry } from '../../domain/entry.ts'
import type { Alerts } from '../../ports/alerts.ts'
import { lasting } from '../alerts.ts'
import { post, type Books } from '../books.ts'
import type { Journal } from './journal.ts'

type Needs = Readonly<{ books: Books; journal: Pick<Journal, 'append'>; now: () => number }>

export function lowdbAlerts({ books, journal, now }: Needs): Alerts {
  const { alerts } = books
  const record = async (entry: Entry): Promise<void> => {
    post(books, entry, undefined)
    await journal.append(entry).landed.promise
  }
  return {
    webhooks: (): readonly WebhookRecord[] => [...alerts.webhooks.values()],
    hasWebhooks: () => alerts.webhooks.size > 0,
    addWebhook: ({ id: ref, ...webhook }) =>
      record({ kind: 'webhook', at: now(), ref, ...webhook }),
    removeWebhook: (ref, by) => record({ kind: 'webhook-removed', at: now(), ref, by }),
    pending: (): Iterable<Alert> => alerts.pending.values(),
    isRaised: (event, subject) => alerts.raised.has(lasting(event, subject)),
    raise({ id: ref, event, subject, state, facts, only }) {
      const wanting = [...alerts.webhooks.values()].filter(({ id, events }) =>
        only === undefined ? events.includes(event) : id === only,
      )
      const to = state === 'over' ? [] : wanting.map(({ id }) => id)
      void record({ kind: 'alert', at: now(), ref, event, subject, state, facts, to })
    },
    sent: (ref, webhook, outcome) =>
      record({ kind: 'alert-sent', at: now(), ref, webhook, outcome }),
  }
}
