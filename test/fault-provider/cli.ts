import fs from 'node:fs'
import { parseArgs } from 'node:util'
import { TLS_KINDS } from './certificate.ts'
import { startFaultProvider, type FaultProvider, type JournalEntry } from './fault-provider.ts'

const HELP = `npm run fault-provider -- [options]

An upstream for trying out a configuration: it speaks chat completions, and does whatever fault the name of the model asks
for. Listens on this machine only, until it is interrupted, and prints a line for each call that has ended.

  --port N   where it listens (a free port)
  --tls KIND speaks TLS with a certificate that is good, expired, wrong-host or self-signed
  --ca FILE  where it writes whom a client has to trust for it: NODE_EXTRA_CA_CERTS=FILE
  --json     lines as JSON: {"id", "model", "ended", "usage", "authorization"}
  --help     this text

The name of a model is "answer", alone or with faults behind it, as in "answer?chunks=20&cut=10":

  chunks=N every=MS delay=MS      words in the answer, time between them, time before the first
  late=N held                     only the calls behind the first N are delayed or held; held ones wait for POST /__go
  status=N retry_after=S          refuses with this status; message=TEXT is what it says; location=URL of a redirect
  bad_key=END                     refuses keys that end so with 401
  held_rest                       usage and [DONE] come behind the finish once POST /__go lets them
  flap=N                          N calls fail (500, or with status=N), N succeed, and so on
  hang stale drip crlf            never answers; closes used connections; byte by byte; CRLF line ends
  body=html|error|empty|garbage|nothing   status 200, and no answer
  cut=N stall=N end=N             after N chunks: breaks the connection, goes silent, ends without a finish
  error=N bad_line=N empty_event=N   after N chunks: an error event, a line that is none, an event without data
  several first=N                 as many choices as were asked for; the first finishes after N chunks
  usage=own|none|zero|finish|each|first|huge finish=WORD done=no tools reasoning
  left_open                       the connection stays open behind all that is sent

And below HTTP, as bytes that no server library would send:

  raw=no_http|bad_status|nul_header|large_header|endless_headers|endless_interim|two_lengths|length_and_chunks|
      short_length|long_length|closed_at_once|closed_in_status|closed_in_head|closed_after_head|bad_gzip|gzip_bomb
                                  instead of an answer
  raw=bad_chunk|huge_chunk|endless_extension|reset|closed|mute|cut_character|bad_bytes|large_event|large_lines|
      endless_comments|endless_words|dripping  after raw_after=N good pieces of one; drips come every=MS (200)
  raw=own_headers|tiny_chunks     an answer, with headers of its own, or with each byte a chunk

Asked to go on with an answer (an assistant's message with some of its words), it goes on behind them. GET /v1/models is a
list of one model.

GET /__journal answers all that it has seen, POST /__go lets held calls go.
`

const OPTIONS = {
  port: { type: 'string', default: '0' },
  tls: { type: 'string' },
  ca: { type: 'string' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const

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
  const tls = TLS_KINDS.find((kind) => kind === values.tls)
  if (values.tls !== undefined && tls === undefined) {
    process.stderr.write(`--tls must be one of ${TLS_KINDS.join(', ')}.\n`)
    process.exitCode = 2
    return
  }
  const provider = await startFaultProvider({ port, tls })
  if (values.ca !== undefined) fs.writeFileSync(values.ca, provider.ca ?? '')
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

await main()
