import { plain, type BooksText, type Item, type Line } from './audit-line.ts'

/** What an audit knows of webhooks: their entries move nothing, and a snapshot must have what they add up to. */
export class AlertSums {
  readonly #webhooks = new Map<string, Item>()
  readonly #pending = new Map<string, Item & { to: readonly string[] }>()
  readonly #raised = new Set<string>()

  begin({ alerts }: BooksText): void {
    for (const one of alerts?.webhooks ?? []) this.#webhooks.set(one.id, one)
    for (const one of alerts?.pending ?? []) this.#pending.set(one.id, one)
    for (const one of alerts?.raised ?? []) this.#raised.add(one)
  }

  /** Whether the entry is one of these. */
  enter(line: Line): boolean {
    const { kind, ref: id, at } = line
    const { url, events, event, subject, facts, webhook, state } = line as Item
    const to = line['to'] as readonly string[]
    if (kind === 'webhook') this.#webhooks.set(id, { id, url, events, createdAt: at })
    else if (kind === 'webhook-removed') this.#remove(id)
    else if (kind === 'alert-sent') this.#sent(id, String(webhook))
    else if (kind !== 'alert') return false
    else {
      const name = `${String(event)} ${String(subject)}`
      if (state === 'raised') this.#raised.add(name)
      if (state === 'over') this.#raised.delete(name)
      if (to.length > 0) this.#pending.set(id, { id, at, event, subject, facts, to })
    }
    return true
  }

  addItems(items: Map<string, string>): void {
    for (const [id, one] of this.#webhooks) items.set(`webhook ${id}`, plain(one))
    for (const [id, one] of this.#pending) items.set(`alert ${id}`, plain(one))
    for (const one of this.#raised) items.set(`raised ${one}`, plain(true))
  }

  #remove(id: string): void {
    this.#webhooks.delete(id)
    for (const alert of [...this.#pending.keys()]) this.#sent(alert, id)
  }

  #sent(id: string, webhook: string): void {
    const alert = this.#pending.get(id)
    if (alert === undefined) return
    const to = alert.to.filter((one) => one !== webhook)
    if (to.length === 0) this.#pending.delete(id)
    else this.#pending.set(id, { ...alert, to })
  }
}
