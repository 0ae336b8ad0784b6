import type { SwitchEntry } from '../../domain/entry.ts'
import type { Switches } from '../../ports/switches.ts'
import { post, type Books } from '../books.ts'
import type { Journal } from './journal.ts'

type Needs = Readonly<{ books: Books; journal: Pick<Journal, 'append'>; now: () => number }>

export const lowdbSwitches = ({ books, journal, now }: Needs): Switches => ({
  off: () => books.switchedOff.keys(),
  async set({ target, isOn, by }) {
    const state = isOn ? 'on' : 'off'
    const entry: SwitchEntry = { kind: 'switch', at: now(), target, state, by }
    post(books, entry, undefined)
    await journal.append(entry).landed.promise
  },
})
