import { parseArgs } from 'node:util'
import { startFaultProvider, type FaultProvider, type JournalEntry } from './fault-provider.ts'

const HELP = `npm run fault-provider -- [options]

An upstream for trying out a configuration: it speaks chat completions, and does whatever fault the name of the model asks
for. Listens on this machine only, until it is interrupted, and prints a line for each call that has ended.

  --port N   where it listens (a free port)
  --json     lines as JSON: {"id", "model", "ended", "usage", "authorization"}
  --help     this text

The name of a model is "answer", alone or with faults behind it, as in "answer?chunks=20&cut=10":

  chunks=N every=MS delay=MS      words in the answer, time between them, time before the first
  status=N retry_after=S          refuses with this status; message=TEXT is what it says
  bad_key=END                     refuses keys that end so with 401
  flap=N                          N calls fail, N succeed, and so on
  hang stale drip crlf            never answers; closes used connections; byte by byte; CRLF line ends
  body=html|error|empty|garbage|nothing   status 200, and no answer
  cut=N stall=N end=N             after N chunks: breaks the connection, goes silent, ends without a finish
  error=N bad_line=N              after N chunks: an error event, a line that is none
  usage=own|none|zero|finish|each finish=WORD done=no tools reasoning

GET /__journal answers all that it has seen.
`

const OPTIONS = {
  port: { type: 'string', default: '0' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const

await main()

async function main(): Promise<void> {
  const { values } = parseArgs({ options: OPTIONS, strict: true })
  if (values.help) {
    process.stdout.write(HELP)
    return
  }
  const port = Number(values.port)
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    process.stderr.write('--port must be a whole number from 0 to 65535.\n')
    process.exitCode = 2
    return
  }
  const provider = await startFaultProvider({ port })
  process.once('SIGINT', () => void provider.close())
  process.once('SIGTERM', () => void provider.close())
  process.stdout.write(
    values.json ? `${JSON.stringify({ base_url: provider.baseUrl })}\n` : intro(provider),
  )
  tellCalls(provider, values.json ? (entry) => JSON.stringify(lineOf(entry)) : textOf)
}

const intro = ({ baseUrl }: FaultProvider): string => `The fault provider listens on ${baseUrl}

In config/gateway.yaml:

providers:
  - { id: faults, protocol: openai, base_url: ${baseUrl}, api_keys: any }
models:
  - id: faulty
    price: free
    max_output: 1000
    deployments:
      - { provider: faults, model: "answer?chunks=20&cut=10" }

`

/** Calls in the order in which they ended. */
function tellCalls(
  { journal, until }: FaultProvider,
  lineOf: (entry: JournalEntry) => string,
): void {
  const told = new Set<JournalEntry>()
  void until(() => {
    for (const entry of journal) {
      if (entry.ended === 'running' || told.has(entry)) continue
      told.add(entry)
      process.stdout.write(`${lineOf(entry)}\n`)
    }
    return false
  })
}

const lineOf = ({ id, model, ended, usage, authorization }: JournalEntry) => ({
  ...{ id, model, ended, usage },
  authorization: authorization === undefined ? undefined : `…${authorization.slice(-4)}`,
})

const textOf = ({ id, model, ended, usage }: JournalEntry): string =>
  `${id} ${model}: ${ended}, ${usage.prompt} + ${usage.completion} tokens`
