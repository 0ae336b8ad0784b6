import type { Notice } from './config.ts'
import type { ProviderEntry } from './schema.ts'
import type { Source } from './yaml-source.ts'

/** Which providers of the file are on, with which keys. */
export type Selection = Readonly<{
  on: readonly SelectedProvider[]
  isDemo: boolean
  notices: readonly Notice[]
}>

export type SelectedProvider = Readonly<{ entry: ProviderEntry; keys: readonly string[] }>

/** A provider without what it needs is off, which is no error; the demo is on while no other provider is. */
export function selectProviders(providers: readonly ProviderEntry[], source: Source): Selection {
  const real: SelectedProvider[] = []
  const notices: Notice[] = []
  for (const [index, entry] of providers.entries()) {
    if (entry.protocol === 'demo') continue
    const keys = (entry.api_keys ?? []).filter((key) => !SAMPLE_KEY.test(key))
    const unsetAt = (key: string): readonly string[] => source.unsetAt(['providers', index, key])
    const message = reasonAgainst({ entry, keys }, unsetAt)
    if (message === undefined) real.push({ entry, keys })
    else notices.push({ kind: 'provider_off', subject: entry.id, message })
  }
  const demo = providers.filter(({ protocol }) => protocol === 'demo')
  const isDemo = real.length === 0 && demo.length > 0
  const on = isDemo ? demo.map((entry) => ({ entry, keys: [] })) : real
  return { on, isDemo, notices: [...notices, ...demoNotice(demo.length > 0, isDemo)] }
}

/** What people leave in place of a key when they copy an example. */
const SAMPLE_KEY = /your[-_ ]|[-_]here$|change[-_]?me|placeholder|x{6}|\.{3}|^<.*>$/i

function reasonAgainst(
  { entry, keys }: SelectedProvider,
  unsetAt: (key: string) => readonly string[],
): string | undefined {
  const names = unsetAt(entry.base_url === undefined ? 'base_url' : 'api_keys').join(', ')
  if (entry.base_url === undefined) return `is off: ${names} is not set`
  if (keys.length > 0) return undefined
  if ((entry.api_keys ?? []).length > 0) {
    return 'is off: its key is a sample from a document; set the real one'
  }
  if (entry.keyless) return undefined
  return names === '' ? 'is off: it has no key' : `is off: ${names} is not set`
}

function demoNotice(hasDemo: boolean, isDemo: boolean): readonly Notice[] {
  if (isDemo) {
    const message =
      'is on: no provider has a key, so a built-in one makes up its answers; set a key such as OPENAI_API_KEY'
    return [{ kind: 'demo_on', subject: 'demo', message }]
  }
  if (!hasDemo) return []
  return [{ kind: 'demo_off', subject: 'demo', message: 'is off: a real provider is on' }]
}
