/** The batch in what winston hands to a transport. */
export function linesIn(info: unknown): Uint8Array {
  const lines = typeof info === 'object' && info !== null && 'lines' in info && info.lines
  if (lines instanceof Uint8Array) return lines
  throw new TypeError('winston handed on something that is no batch of lines')
}
