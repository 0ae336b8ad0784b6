const MS_MIN = 1_000
const MS_SPREAD = 4_000

/** When to come back, where nobody knows: those who are sent away together do not come back all at once. */
export const comeBackMs = (chance: () => number): number => MS_MIN + MS_SPREAD * chance()
