// How hard a secret would be to guess, and why it is refused when that is not hard enough. The estimate leans low: it
// takes a value for what a person would have typed wherever it looks like that.

const BITS_MIN = 128
const SIZE_MAX = 1024

/** What samples in documents are made of. A random value all but never contains one of these. */
const SAMPLES =
  /your[_-]|[_-]here\b|change[_-]?(?:me|this|it)|change[sd]?[_-]|example|placeholder|sample|secret[_-]?(?:master|key)|master[_-]?token|token[_-]?here|replace|insert|dummy|fixme|x{6}|\.{3}|<.*>|\$\{/i

/** Words that add nothing: each counts as one character. */
const WORDS =
  /password|passwort|passwd|p[a@]ssw[o0]rd|administrator|admin|master|secret|default|gateway|tollgate|openai|production|staging|development|internal|letmein|welcome|company|server|super|token|first/gi

/** Rows of the keyboard, the alphabet and the digits: what fingers type by themselves. */
const ROWS = ['abcdefghijklmnopqrstuvwxyz', '01234567890', 'qwertyuiop', 'asdfghjkl', 'zxcvbnm']
const RUNS = ROWS.flatMap((row) => [row, Array.from(row).reverse().join('')])
/** Shorter ones turn up in random text now and then. */
const RUN_MIN = 6

/** Two out of three pairs of neighbours in English words, and one out of seven in random letters. */
const PAIRS = new Set(
  (
    'th he in er an re nd at on nt ha es st en ed to it ou ea hi is or ti as te et ng of al de se le sa si ar ve ra ld ' +
    'ur ro ri io ic ne me li co ce ta ma ll el om ch la ll ho us no tr be di ec ct pe ac em pl ss ts mo no il ge so ee ' +
    'oo ow wa we ck ke ay ir un ut ap la bo ba ca ab am ad ag ig id op ot ol ow os po pa pr ca su up do da go'
  ).split(' '),
)
const PAIR_BITS = 1.5
const WORD_BITS = 13
const HEX = /^[0-9a-f]+$/i
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** The reason for which a secret is too weak, or undefined. It never quotes the secret. */
export function weakness(secret: string): string | undefined {
  if (!/^[\x21-\x7e]*$/.test(secret)) return 'has spaces, or characters that are not ASCII'
  if (SAMPLES.test(secret)) return 'looks like a sample from a document'
  const size = secret.length
  if (size > SIZE_MAX) return `has more than ${SIZE_MAX} characters`
  if (size < 32) return `has ${size} characters, and needs 32`
  const distinct = new Set(secret).size
  if (distinct < 10) return `has ${distinct} different characters, and needs 10`
  const bits = Math.floor(estimateBits(secret))
  return bits < BITS_MIN ? `is worth about ${bits} bits, and needs ${BITS_MIN}` : undefined
}

function estimateBits(secret: string): number {
  if (UUID.test(secret)) return 122 // the version and the variant take six of its 128
  if (HEX.test(secret)) return bitsByCharacter(secret)
  return Math.min(bitsByCharacter(secret), bitsByWord(secret))
}

/** As random text of its characters, after everything that repeats or follows from its neighbours is taken out. */
function bitsByCharacter(secret: string): number {
  const isHex = HEX.test(secret)
  const bitsEach = Math.log2(isHex ? 16 : Math.min(64, 1.5 * new Set(secret).size))
  const text = isHex ? secret : secret.replace(WORDS, ' ')
  const everyOther = Array.from(text)
    .filter((_, at) => at % 2 === 0)
    .join('')
  const theOthers = Array.from(text)
    .filter((_, at) => at % 2 === 1)
    .join('')
  const isWhole = { bitsEach, hasWords: !isHex }
  const isHalf = { bitsEach, hasWords: false }
  return Math.min(bitsOf(text, isWhole), bitsOf(everyOther, isHalf) + bitsOf(theOthers, isHalf))
}

function bitsOf(
  text: string,
  { bitsEach, hasWords }: { bitsEach: number; hasWords: boolean },
): number {
  const paired = hasWords ? pairedIn(text) : new Set<number>()
  let total = 0
  for (let at = 0; at < text.length; at += predictableAt(text, at)) {
    total += paired.has(at) ? PAIR_BITS : bitsEach
  }
  return total
}

/** The letters that English makes likely after the one before them, in runs long enough to be words. */
function pairedIn(text: string): Set<number> {
  const paired = new Set<number>()
  for (const { 0: run, index } of text.matchAll(/[A-Z]?[a-z]{3,}|[A-Z]{4,}/g)) {
    for (let at = 1; at < run.length; at += 1) {
      if (PAIRS.has(run.slice(at - 1, at + 1).toLowerCase())) paired.add(index + at)
    }
  }
  return paired
}

/** How many characters from here on count as one: those of a repeat or of a run, else 1. */
function predictableAt(text: string, at: number): number {
  const rest = text.slice(at).toLowerCase()
  const before = text.slice(0, at).toLowerCase()
  let length = RUN_MIN - 1
  while (length < rest.length) {
    const piece = rest.slice(0, length + 1)
    if (!before.includes(piece) && !RUNS.some((run) => run.includes(piece))) break
    length += 1
  }
  return length < RUN_MIN ? 1 : length
}

/** As words, if it reads like them: a list to pick from has a few thousand. */
function bitsByWord(secret: string): number {
  const words = secret.match(/[A-Z]?[a-z]+|[A-Z]+(?![a-z])/g) ?? []
  const pairs = words.flatMap((word) =>
    Array.from(word)
      .slice(1)
      .map((letter, at) => `${word[at] ?? ''}${letter}`),
  )
  const known = pairs.filter((pair) => PAIRS.has(pair.toLowerCase())).length
  const isProse = pairs.length > secret.length / 3 && known > 0.45 * pairs.length
  const digits = secret.replace(/[^0-9]/g, '').length
  return isProse ? words.length * WORD_BITS + digits * Math.log2(10) : Infinity
}
