/** Has a code as Node's own errors of the network do. */
export class WireError extends Error {
  readonly code: 'NO_HTTP' | 'CLOSED'

  constructor(code: WireError['code'], message: string) {
    super(message)
    this.code = code
  }
}

export const noHttp = (what: string): WireError => new WireError('NO_HTTP', what)
