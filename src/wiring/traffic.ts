import { Traffic } from '../gateway/traffic.ts'
import type { Catalog } from '../ports/catalog.ts'
import type { Events } from '../ports/events.ts'
import type { Switches } from '../ports/switches.ts'
import { systemClock } from './clock.ts'

type Needs = Readonly<{
  catalog: Catalog
  events: Pick<Events, 'notice' | 'warning' | 'problem'>
  switches: Pick<Switches, 'off'>
}>

/** What the deployments of the configuration are like, of whom nobody knows anything but what operators switched off. */
export const trafficFor = ({ catalog, events, switches }: Needs): Traffic =>
  new Traffic({
    ...{ clock: systemClock, events, chance: Math.random, switchedOff: switches.off() },
    settings: () => catalog.settings().resilience,
    deployments: () => catalog.deployments(),
  })
