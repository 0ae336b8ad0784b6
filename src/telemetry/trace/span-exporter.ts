import type { Events } from '../../ports/events.ts'
import { otlpBody, type Attributes, type Span } from './span.ts'

export type ExportSettings = Readonly<{
  /** Of the collector: `/v1/traces` is put behind it. */
  endpoint: string
  headers: Readonly<Record<string, string>>
  resource: Attributes
}>

const BATCH_MAX = 512
/** What waits beyond this is lost: a collector that is away must not fill the memory. */
const WAITING_MAX = 4_096
const EVERY_MS = 1_000
const SEND_MS_MAX = 10_000
/** At the end of the process. */
const LAST_MS_MAX = 2_000

/** Gathers spans and sends them in batches, one after the other. What a collector does not take is lost, and told once. */
export class SpanExporter {
  readonly #settings: ExportSettings
  readonly #events: Pick<Events, 'notice' | 'warning'>
  readonly #url: string
  readonly #timer: NodeJS.Timeout
  #waiting: Span[] = []
  #lost = 0
  #hasFailed = false
  #sending: Promise<void> | undefined

  constructor(settings: ExportSettings, events: Pick<Events, 'notice' | 'warning'>) {
    this.#settings = settings
    this.#events = events
    this.#url = `${settings.endpoint}/v1/traces`
    this.#timer = setInterval(() => {
      this.#flush()
    }, EVERY_MS)
    this.#timer.unref()
  }

  add(span: Span): void {
    if (this.#waiting.length >= WAITING_MAX) {
      this.#lost++
      return
    }
    this.#waiting.push(span)
    if (this.#waiting.length >= BATCH_MAX) this.#flush()
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    const last = AbortSignal.timeout(LAST_MS_MAX)
    await this.#sending
    while (this.#waiting.length > 0 && !last.aborted) await this.#send(last)
  }

  #flush(): void {
    if (this.#waiting.length === 0) return
    this.#sending ??= this.#sendAll().finally(() => (this.#sending = undefined))
  }

  async #sendAll(): Promise<void> {
    do await this.#send(AbortSignal.timeout(SEND_MS_MAX))
    while (this.#waiting.length >= BATCH_MAX)
  }

  async #send(signal: AbortSignal): Promise<void> {
    const batch = this.#waiting.splice(0, BATCH_MAX)
    const { headers, resource } = this.#settings
    try {
      const response = await fetch(this.#url, {
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/json' },
        body: otlpBody(batch, resource),
        signal,
      })
      await response.arrayBuffer()
      if (!response.ok) throw new Error(`status ${response.status}`)
      this.#worked()
    } catch (error) {
      this.#failed(batch.length, error)
    }
  }

  #worked(): void {
    if (!this.#hasFailed) return
    this.#hasFailed = false
    this.#events.notice('traces reach their collector again', { spans_lost: this.#lost })
    this.#lost = 0
  }

  #failed(spans: number, error: unknown): void {
    this.#lost += spans
    if (this.#hasFailed) return
    this.#hasFailed = true
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
    const reason = cause instanceof Error ? cause.message : String(cause)
    this.#events.warning('traces do not reach their collector', { url: this.#url, reason })
  }
}
