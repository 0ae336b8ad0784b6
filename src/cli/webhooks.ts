import type { WebhookView } from '../admin/webhooks.ts'
import type { Resource } from './resource.ts'
import { table } from './table.ts'

const listed = (all: readonly WebhookView[]): string =>
  table(
    ['ID', 'URL', 'EVENTS'],
    all.map(({ id, url, events }) => [id, url, events.join(', ')]),
  )

export const webhooks: Resource = {
  does: 'who is told of low credit, large charges and their like',
  actions: {
    add: {
      usage: 'webhooks add URL [--events NAMES]',
      does: 'Names a receiver, and prints the secret that it checks signatures by.',
      options: {
        events: { value: 'NAMES', does: 'such as low_credit,provider_off (all of them)' },
      },
      words: ['url'],
      needed: 1,
      async run({ url, events }, ask) {
        const named = events === undefined ? {} : { events: events.split(',') }
        const made = (await ask('add-webhook', { url, ...named })) as WebhookView & {
          secret: string
        }
        return { json: made, text: `${listed([made])}Secret: ${made.secret}\n` }
      },
    },
    list: {
      usage: 'webhooks list',
      does: 'Lists the receivers.',
      options: {},
      words: [],
      needed: 0,
      async run(_, ask) {
        const list = (await ask('list-webhooks', {})) as { data: readonly WebhookView[] }
        return { json: list, text: listed(list.data) }
      },
    },
    remove: {
      usage: 'webhooks remove ID',
      does: 'Tells a receiver nothing any more.',
      options: {},
      words: ['id'],
      needed: 1,
      question: ({ id }) => `Remove the webhook ${id ?? ''}, and what it has not been told yet?`,
      async run({ id }, ask) {
        const gone = (await ask('remove-webhook', { id })) as WebhookView
        return { json: gone, text: `${gone.id} is removed.\n` }
      },
    },
    test: {
      usage: 'webhooks test [ID]',
      does: 'Sends a test to one of them, or to all; a server that runs delivers it.',
      options: {},
      words: ['id'],
      needed: 0,
      async run({ id }, ask) {
        const sent = (await ask('test-webhooks', { id })) as { sent_to: readonly string[] }
        return { json: sent, text: `On its way to ${sent.sent_to.join(', ') || 'nobody'}.\n` }
      },
    },
  },
}
