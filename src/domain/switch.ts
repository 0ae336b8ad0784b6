import type { Deployment } from './model.ts'

/** What an operator switches: all of a provider, or one of its keys, or one deployment. */
export type SwitchTarget =
  | Readonly<{ kind: 'provider'; provider: string }>
  | Readonly<{ kind: 'key'; provider: string; keyIndex: number }>
  | Readonly<{ kind: 'deployment'; id: string }>

/** As the books name it; keys are counted from 1 there. */
export function switchName(target: SwitchTarget): string {
  switch (target.kind) {
    case 'provider':
      return `provider ${target.provider}`
    case 'key':
      return `key ${target.provider}#${target.keyIndex + 1}`
    case 'deployment':
      return `deployment ${target.id}`
  }
}

/** All by which a deployment can be switched off. */
export const switchNamesOf = ({
  id,
  provider,
  keyIndex,
  wildcard,
}: Deployment): readonly string[] => [
  switchName({ kind: 'provider', provider }),
  switchName({ kind: 'key', provider, keyIndex }),
  switchName({ kind: 'deployment', id }),
  ...(wildcard === undefined ? [] : [switchName({ kind: 'deployment', id: wildcard })]),
]
