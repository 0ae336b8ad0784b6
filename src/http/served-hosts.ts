import { isIP } from 'node:net'

/** By which names the gateway is to be asked; undefined is by any. */
export type ServedHosts = ReadonlySet<string> | undefined

/**
 * An address is no name that somebody else could let lead here, and health checks come by it; so they do by `localhost`. A port
 * says nothing.
 */
export function isServed(hosts: ServedHosts, host: string | undefined): boolean {
  if (hosts === undefined) return true
  const name = (host ?? '').replace(/:[0-9]*$/, '').toLowerCase()
  return hosts.has(name) || name === 'localhost' || isIP(name.replace(/^\[(.*)\]$/, '$1')) !== 0
}
