import type { Deployment } from './model.ts'

/** What an operator switches: all of a provider, or one of its keys, or one deployment. */
export type SwitchTarget =
  | Readonly<{ kind: 'provider'; provider: string }>
  | Readonly<{ kind: 'key' } & KeyPlace>
  | Readonly<{ kind: 'deployment'; id: string }>

type KeyPlace = Pick<Deployment, 'provider' | 'keyIndex' | 'keyPrint'>

/** As the books name it: a key by itself, because its number is another one's as soon as the list is changed. */
export function switchName(target: SwitchTarget): string {
  switch (target.kind) {
    case 'provider':
      return `provider ${target.provider}`
    case 'key':
      return target.keyPrint === undefined
        ? numberedName(target)
        : `key ${target.provider}@${target.keyPrint}`
    case 'deployment':
      return `deployment ${target.id}`
  }
}

/**
 * The name that older books have for a key: by its number, counted from 1. It goes on standing for that number until
 * the key that has it is switched anew.
 */
export const formerSwitchName = (target: SwitchTarget): string | undefined =>
  target.kind === 'key' && target.keyPrint !== undefined ? numberedName(target) : undefined

/** All by which a deployment can be switched off. */
export const switchNamesOf = ({
  id,
  provider,
  keyIndex,
  keyPrint,
  wildcard,
}: Deployment): readonly string[] => [
  switchName({ kind: 'provider', provider }),
  switchName({ kind: 'key', provider, keyIndex, keyPrint }),
  numberedName({ provider, keyIndex }),
  switchName({ kind: 'deployment', id }),
  ...(wildcard === undefined ? [] : [switchName({ kind: 'deployment', id: wildcard })]),
]

const numberedName = ({ provider, keyIndex }: KeyPlace): string => `key ${provider}#${keyIndex + 1}`
