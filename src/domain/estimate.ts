/** The size of a text as bytes, ASCII and other apart: all that an estimate without a tokenizer needs. */
export type TextSize = Readonly<{ ascii: number; other: number }>

/** More tokens than the text can be, but for pathological text: half a token an ASCII byte, one a byte otherwise. */
export const boundTokens = ({ ascii, other }: TextSize): number => Math.ceil(ascii / 2) + other

/** About how many tokens the text is: four ASCII bytes a token, two bytes otherwise. */
export const likelyTokens = ({ ascii, other }: TextSize): number => Math.ceil(ascii / 4 + other / 2)

/** Media in a prompt: counted by its own maximum, not by the bytes that carry it. */
export type PromptMedia = Readonly<{ images: number; audioBytes: number }>

/** Speech is some ten tokens a second, and no codec in use carries a second in under 500 bytes. */
const AUDIO_BYTES_PER_TOKEN = 50

export const mediaTokens = (media: PromptMedia, imageTokensMax: number): number =>
  media.images * imageTokensMax + Math.ceil(media.audioBytes / AUDIO_BYTES_PER_TOKEN)

export function textSize(text: string, bytes: number): TextSize {
  if (bytes === text.length) return { ascii: bytes, other: 0 }
  let ascii = 0
  for (let index = 0; index < text.length; index++) if (text.charCodeAt(index) < 128) ascii++
  return { ascii, other: bytes - ascii }
}
