import type {
  Alert,
  AlertEntry,
  AlertSentEntry,
  WebhookEntry,
  WebhookRecord,
  WebhookRemovedEntry,
} from '../domain/alert.ts'

export type AlertingEntry = WebhookEntry | WebhookRemovedEntry | AlertEntry | AlertSentEntry

/** Receivers, what they have not been told yet, and what lasts. */
export type AlertBooks = {
  readonly webhooks: Map<string, WebhookRecord>
  readonly pending: Map<string, Alert>
  readonly raised: Set<string>
}

export const emptyAlerts = (): AlertBooks => ({
  webhooks: new Map(),
  pending: new Map(),
  raised: new Set(),
})

export const lasting = (event: string, subject: string): string => `${event} ${subject}`

/** Live and in replay alike. */
export function postAlert(books: AlertBooks, entry: AlertingEntry): void {
  switch (entry.kind) {
    case 'webhook': {
      const { ref: id, url, events, at: createdAt } = entry
      books.webhooks.set(id, { id, url, events, createdAt })
      return
    }
    case 'webhook-removed':
      books.webhooks.delete(entry.ref)
      for (const one of books.pending.values()) leave(books, one, entry.ref)
      return
    case 'alert': {
      const { ref: id, at, event, subject, facts, to, state } = entry
      if (state === 'raised') books.raised.add(lasting(event, subject))
      if (state === 'over') books.raised.delete(lasting(event, subject))
      if (to.length > 0) books.pending.set(id, { id, at, event, subject, facts, to })
      return
    }
    case 'alert-sent': {
      const alert = books.pending.get(entry.ref)
      if (alert !== undefined) leave(books, alert, entry.webhook)
    }
  }
}

function leave({ pending }: AlertBooks, alert: Alert, webhook: string): void {
  const to = alert.to.filter((one) => one !== webhook)
  if (to.length === 0) pending.delete(alert.id)
  else pending.set(alert.id, { ...alert, to })
}
