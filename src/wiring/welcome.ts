import { isPattern } from '../domain/model-name.ts'
import type { Notice } from '../config/config.ts'
import { formatNotice } from '../config/problem.ts'
import type { Gateway } from './start-gateway.ts'

/** What a person sees at the start: the address, new secrets this once, and a first request to try. */
export function welcome({ config, port, first }: Gateway, notices: readonly Notice[]): string {
  const address = `http://localhost:${port}`
  const lines = [`Tollgate is listening on ${address}`]
  if (first.adminKey !== undefined) {
    lines.push('', `Admin key (shown once; keep it): ${first.adminKey}`)
  }
  lines.push('', ...summary(notices))
  const model = config.models.find(({ id }) => !isPattern(id))?.id ?? 'demo'
  const key = first.demoKey ?? 'YOUR_KEY'
  if (first.demoKey === undefined) {
    lines.push(
      '',
      'Issue a key:  node scripts/token-gen.js --type user --userName alice --token 10000',
    )
  }
  lines.push(
    ...['', 'Try it:', ''],
    `curl ${address}/v1/chat/completions -H "Authorization: Bearer ${key}" -H "Content-Type: application/json" ` +
      `-d '{"model":"${model}","messages":[{"role":"user","content":"Hello!"}]}'`,
    '',
    '',
  )
  return lines.join('\n')
}

/** Providers without a key are the rule, not news: they are counted here and explained by `config:check`. */
function summary(notices: readonly Notice[]): readonly string[] {
  const off = notices.filter(({ kind }) => kind === 'provider_off').length
  const told = notices.filter(({ kind }) => kind !== 'provider_off' && kind !== 'model_off')
  return [
    ...told.map((notice) => `  ${formatNotice(notice)}`),
    ...(off > 0 ? [`  ${off} providers are off; \`npm run config:check\` says why`] : []),
  ]
}
