import type { Alert, AlertFacts, AlertName, WebhookRecord } from '../domain/alert.ts'

/** What is to be told to whom: in the books, so that nothing is lost when a receiver is away, or the gateway. */
export interface Alerts {
  webhooks(): readonly WebhookRecord[]
  /** Whether there is any: asked for each request. */
  hasWebhooks(): boolean
  addWebhook(webhook: Omit<WebhookRecord, 'createdAt'> & { by: string }): Promise<void>
  removeWebhook(id: string, by: string): Promise<void>
  /** Alerts that somebody has not been told of yet. */
  pending(): Iterable<Alert>
  isRaised(event: AlertName, subject: string): boolean
  raise(alert: {
    id: string
    event: AlertName
    subject: string
    state: 'once' | 'raised' | 'over'
    facts: AlertFacts
    /** One receiver alone; else all that want to hear of it. */
    only?: string
  }): void
  sent(id: string, webhook: string, outcome: 'delivered' | 'gave_up'): Promise<void>
}
