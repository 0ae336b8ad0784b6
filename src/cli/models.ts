import type { ModelJson } from '../admin/model-view.ts'
import type { Resource } from './resource.ts'
import { table } from './table.ts'

export const models: Resource = {
  does: 'models of the configuration, and what they cost',
  actions: {
    list: {
      usage: 'models list',
      does: 'Lists the models that can be asked for, with their prices in credits for a million tokens.',
      options: {},
      words: [],
      needed: 0,
      async run(_given, ask) {
        const all = (await ask('list-models', {})) as readonly ModelJson[]
        const rows = all.map((one) => {
          const {
            input = '',
            output = '',
            cached_input: cached = '',
          } = one.credits_per_million_tokens as Readonly<Record<string, string | undefined>>
          const target = one.answered_by === one.id ? '' : one.answered_by
          return [one.id, target, input, cached, output, one.deployments.join(' ')]
        })
        const head = ['MODEL', 'ALIAS OF', 'INPUT', 'CACHED', 'OUTPUT', 'DEPLOYMENTS']
        return { json: all, text: table(head, rows) }
      },
    },
    reload: {
      usage: 'models reload',
      does: 'Reads the configuration again, with its models and prices, and puts it in force where nothing is wrong with it.',
      options: {},
      words: [],
      needed: 0,
      async run(_given, ask) {
        const told = (await ask('reload-config', {})) as { ok: boolean; problems: string[] }
        if (!told.ok) process.exitCode = 1
        const text = told.ok ? 'The configuration is in force.' : told.problems.join('\n')
        return { json: told, text: `${text}\n` }
      },
    },
  },
}
