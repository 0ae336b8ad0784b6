/** How a request ended, as far as the charge goes: the rows of the Outcomes table. */
export type Outcome =
  | 'finished'
  | 'failed' // no attempt reached a visible token
  | 'cut' // upstream error or end without finish, after the first visible token
  | 'aborted_early' // the caller left before the first visible token
  | 'aborted' // the caller left later
  | 'empty' // no output and no finish reason
  | 'killed' // the gateway died; settled at its next start

/** The operator's settings of the Outcomes table. */
export type OutcomeSettings = Readonly<{
  cut: 'operator' | 'delivered'
  abortedEarly: 'input' | 'free'
  aborted: 'cancel' | 'drain'
  empty: 'free' | 'input'
  killed: 'progress' | 'free'
}>

export const DEFAULT_OUTCOMES: OutcomeSettings = {
  cut: 'operator',
  abortedEarly: 'input',
  aborted: 'cancel',
  empty: 'free',
  killed: 'progress',
}

/** Which usage an outcome charges, and to whom. */
export type Charge =
  | { of: 'nothing' }
  | { of: 'input'; payer: 'account' }
  | { of: 'usage'; payer: 'account' | 'operator' }

/** The one table that decides the charge, the same for every surface. */
export function chargeFor(
  outcome: Outcome,
  providerAccepted: boolean,
  settings: OutcomeSettings,
): Charge {
  switch (outcome) {
    case 'failed':
      return { of: 'nothing' }
    case 'finished':
    case 'aborted':
      return { of: 'usage', payer: 'account' }
    case 'cut':
      return { of: 'usage', payer: settings.cut === 'delivered' ? 'account' : 'operator' }
    case 'empty':
      return settings.empty === 'input' ? { of: 'input', payer: 'account' } : { of: 'nothing' }
    case 'aborted_early':
      if (!providerAccepted || settings.abortedEarly === 'free') return { of: 'nothing' }
      return { of: 'input', payer: 'account' }
    case 'killed':
      if (!providerAccepted || settings.killed === 'free') return { of: 'nothing' }
      return { of: 'usage', payer: 'account' }
  }
}
