const OPENING = Buffer.from(',"crc":"')
const CLOSING = Buffer.from('"}')
const HEX_DIGITS = Buffer.from('0123456789abcdef')
const CRC_DIGITS = 8

/** How a line ends: `,"crc":"0a1b2c3d"}`. Byte by byte, since putting it together as a text took as long as the CRC. */
export const CRC_LENGTH = OPENING.byteLength + CRC_DIGITS + CLOSING.byteLength

export function writeCrc(bytes: Buffer, start: number, crc: number): void {
  let at = start
  for (let index = 0; index < OPENING.byteLength; index++) bytes[at++] = OPENING[index] ?? 0
  for (let shift = 28; shift >= 0; shift -= 4) bytes[at++] = HEX_DIGITS[(crc >>> shift) & 15] ?? 0
  for (let index = 0; index < CLOSING.byteLength; index++) bytes[at++] = CLOSING[index] ?? 0
}

/** Whether the line that ends at `end` ends like that. */
export function endsWithCrc(bytes: Buffer, end: number, crc: number): boolean {
  let at = end - CRC_LENGTH
  for (let index = 0; index < OPENING.byteLength; index++)
    if (bytes[at++] !== OPENING[index]) return false
  for (let shift = 28; shift >= 0; shift -= 4)
    if (bytes[at++] !== HEX_DIGITS[(crc >>> shift) & 15]) return false
  for (let index = 0; index < CLOSING.byteLength; index++)
    if (bytes[at++] !== CLOSING[index]) return false
  return true
}
