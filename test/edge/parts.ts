import type { Deployment } from './deployment.ts'

export type Site = Readonly<{ deployment: Deployment; ca: string; firstByteMsMax: number }>

/** What a part has seen, in a line. It throws when that is not what is promised. */
export type Part = Readonly<{ name: string; promise: string; see: (site: Site) => Promise<string> }>

export function promised(isSo: boolean, what: string): void {
  if (!isSo) throw new Error(what)
}
