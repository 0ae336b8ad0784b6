import { parentPort } from 'node:worker_threads'
import { countTokens } from 'gpt-tokenizer/encoding/o200k_base'

/** A text that looks like a special token is text all the same: it is neither refused nor counted as one. */
const AS_TEXT = { disallowedSpecial: new Set<string>() }

/**
 * The tokenizer takes quadratic time on a long run without a break: 100 000 spaces took 6 s. Runs are cut, and what is
 * counted is off by a few per cent on such text only. Whole characters, as half a surrogate pair would count as three.
 */
const LONG_WORD = /\S{256}/gu
const LONG_GAP = /(\s{256})/u

function count(text: string): number {
  const pieces = text.replace(LONG_WORD, '$& ').split(LONG_GAP)
  return pieces.reduce((sum, piece) => sum + countTokens(piece, AS_TEXT), 0)
}

/** Null for what the tokenizer cannot take: the worker lives on for the others. */
function counts(texts: readonly string[]): readonly number[] | null {
  try {
    return texts.map(count)
  } catch {
    return null
  }
}

parentPort?.on('message', (texts: readonly string[]) => parentPort?.postMessage(counts(texts)))
