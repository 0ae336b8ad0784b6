import type { Candidate } from '../domain/route.ts'
import type { Admitted } from './admit.ts'
import { likelyCost } from './choose.ts'
import type { Traffic } from './traffic.ts'

type Late = Readonly<{ admitted: Admitted; late: Candidate }>

/** The same model by another key that is well and has room, and is not dearer. */
export function mayStandIn(traffic: Traffic, one: Candidate, { admitted, late }: Late): boolean {
  const [its, theirs] = [one.deployment, late.deployment]
  const isSameKey = its.provider === theirs.provider && its.keyIndex === theirs.keyIndex
  if (one.model !== late.model || isSameKey) return false
  if (traffic.stateOf(its).kind !== 'ready' || !traffic.hasRoom(its)) return false
  return likelyCost(admitted, one) <= likelyCost(admitted, late)
}
