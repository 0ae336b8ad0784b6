/** What an answer consumed, in buckets that never overlap: each token is counted in one of them only. */
export type Usage = Readonly<{
  input: number
  cachedInput: number
  cacheWrite: number
  image: number
  output: number
  audioInput: number
  audioOutput: number
}>

export type Bucket = keyof Usage
export const BUCKETS = [
  'input',
  'cachedInput',
  'cacheWrite',
  'image',
  'output',
  'audioInput',
  'audioOutput',
] as const satisfies readonly Bucket[]

export const INPUT_BUCKETS = [
  'input',
  'cachedInput',
  'cacheWrite',
  'image',
  'audioInput',
] as const satisfies readonly Bucket[]

export const NO_USAGE: Usage = {
  input: 0,
  cachedInput: 0,
  cacheWrite: 0,
  image: 0,
  output: 0,
  audioInput: 0,
  audioOutput: 0,
}

/** Each token is in one bucket only. */
export const allTokens = (usage: Usage): number =>
  usage.input +
  usage.cachedInput +
  usage.cacheWrite +
  usage.image +
  usage.output +
  usage.audioInput +
  usage.audioOutput

export const textUsage = (input: number, output: number): Usage => ({ ...NO_USAGE, input, output })
