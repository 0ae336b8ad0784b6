import type { SwitchEntry } from '../domain/entry.ts'
import type { Books } from './books.ts'

/** Something that an operator took out of use. */
export type SwitchedOff = Readonly<{ target: string; at: number; by?: string }>

export function postSwitch({ switchedOff }: Books, entry: SwitchEntry): void {
  const { kind: _kind, state, ...one } = entry
  if (state === 'off') switchedOff.set(one.target, one)
  else switchedOff.delete(one.target)
}
