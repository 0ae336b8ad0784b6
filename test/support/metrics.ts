type Sample = Readonly<{
  name: string
  labels: Readonly<Record<string, string>>
  value: number
}>

const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g

/** Prometheus' text format, read strictly: a line that is none is an error. */
function samplesOf(text: string): readonly Sample[] {
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [, name, labels = '', value] = LINE.exec(line) ?? []
      if (name === undefined || value === undefined) throw new Error(`not a sample: ${line}`)
      const pairs = [...labels.matchAll(LABEL)].map(([, key = '', text = '']) => [key, text])
      return {
        name,
        labels: Object.fromEntries(pairs) as Record<string, string>,
        value: Number(value),
      }
    })
}

export type Scrape = Readonly<{
  text: string
  samples: readonly Sample[]
  /** The sum of all series of this name that have these labels. */
  sum: (name: string, labels?: Readonly<Record<string, string>>) => number
}>

export async function scrape(url: string, key?: string): Promise<Scrape> {
  const headers = key === undefined ? {} : { authorization: `Bearer ${key}` }
  const response = await fetch(`${url}/metrics`, { headers })
  const text = await response.text()
  if (response.status !== 200) throw new Error(`${response.status}: ${text}`)
  const samples = samplesOf(text)
  return {
    ...{ text, samples },
    sum: (name, labels = {}) =>
      samples
        .filter((one) => one.name === name)
        .filter((one) => Object.entries(labels).every(([key, value]) => one.labels[key] === value))
        .reduce((total, { value }) => total + value, 0),
  }
}
