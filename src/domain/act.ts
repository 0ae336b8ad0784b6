/** What leaves the books as they are: it stands in the journal for whoever asks who did what. */
export type Act = Readonly<{ by: string }> & (SessionBegun | ConfigReloaded | WebhookTested)
export type ActEntry = Act & { readonly at: number }

/** Somebody signed in, or began a session with a key. */
type SessionBegun = {
  readonly kind: 'session-begun'
  readonly account: string
  readonly ref: string
  readonly until: number
}

/** Put in force where there was no problem; else nothing was changed. */
type ConfigReloaded = { readonly kind: 'config-reloaded'; readonly problems: number }

/** An empty list: there was no receiver. */
type WebhookTested = { readonly kind: 'webhook-tested'; readonly webhooks: readonly string[] }

export const ACT_KINDS = ['session-begun', 'config-reloaded', 'webhook-tested'] as const

export const isAct = (entry: Readonly<{ kind: string }>): entry is ActEntry =>
  ACT_KINDS.some((one) => one === entry.kind)
