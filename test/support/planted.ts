import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { root, type GatewayProcess } from './gateway-process.ts'

/** The environment of a gateway in which something is planted that SIGUSR2 sets off; plant.mjs knows what there is. */
export const planted = (plant = 'none'): Readonly<Record<string, string>> => ({
  NODE_OPTIONS: `--import ${path.join(root, 'test', 'support', 'plant.mjs')}`,
  PLANT: plant,
})

/** Has a gateway in which anything is planted clear its garbage away: what the engine has not got round to is no leak. */
export async function collected({ process, output }: GatewayProcess): Promise<void> {
  const times = (): number => output().split('collected\n').length
  const before = times()
  process.kill('SIGWINCH')
  while (times() === before) await pause(20)
}
