import type { Probed } from '../../ports/provider.ts'
import { listModels, type Listing } from './list-models.ts'

/** Whether the upstream is there and takes the key: asked for its list of models, which costs nothing. */
export async function probe(settings: Parameters<typeof listModels>[0]): Promise<Probed> {
  const listing = await listModels(settings)
  return listing.kind === 'listed' ? { kind: 'well' } : probedFrom(listing)
}

type Failed = Extract<Listing, { kind: 'failed' }>

/** What says nothing of completions is not known: no list at that address, no right to it, a limit on asking for it. */
function probedFrom({ reason, status, detail }: Failed): Probed {
  switch (reason) {
    case 'bad_key':
    case 'no_money':
      return { kind: 'refused', status: status ?? 401, detail }
    case 'server':
    case 'dns':
    case 'tls':
    case 'unreachable':
    case 'timeout':
      return { kind: 'down', detail: `${reason}: ${detail}` }
    case 'no_rights':
    case 'rate_limited':
    case 'misrouted':
    case 'refused':
    case 'no_list':
      return { kind: 'unknown', detail: `${reason}: ${detail}` }
  }
}
