/**
 * Reads the past from the journal: sealed segments through what is kept beside them, the open one on from where the
 * last question stopped. All of it is synchronous work on files, so a server lets a thread of its own do it.
 */
import fs from 'node:fs'
import path from 'node:path'
import type { RequestRecords } from '../../../domain/receipt.ts'
import { localTime, type LocalTime } from '../../../domain/time-zone.ts'
import type { TrailPage, TrailQuery } from '../../../domain/trail.ts'
import type { UsagePage, UsageQuery } from '../../../domain/usage-query.ts'
import type { PriceEntry } from '../../../domain/entry.ts'
import { isMissing, packedFile, segmentFile, segmentsIn, type DbPaths } from '../segments.ts'
import { chargeFinder, type FindCharge } from './charges.ts'
import { collectRequest, type Place } from './collect-request.ts'
import { firstLine, segmentSource, type Source } from './lines.ts'
import { movedAway } from './refusals.ts'
import { splitId } from './request-id.ts'
import { offsetsOf, tableOf, type Identity, type Sidecar } from './sidecar.ts'
import { Sidecars } from './sidecars.ts'
import { TableSums } from './sum-tables.ts'
import { Tally } from './tally.ts'
import { TrailReader } from './trail-reader.ts'

/** How far the journal goes, for a question: what is durable, or what is there. */
export type End = Readonly<{ segment: number; offset: number }>

const ZONES_MAX = 4
export class UsageReader {
  readonly #journal: string
  readonly #sidecars: Sidecars
  readonly #zones = new Map<string, LocalTime>()
  /** The segment that is written to, as far as it was asked for. */
  #open: Tally | undefined
  readonly #trail = new TrailReader((segment) => this.#sourceOf(segment))

  constructor(paths: Pick<DbPaths, 'journal' | 'usage'>) {
    this.#journal = paths.journal
    this.#sidecars = new Sidecars(paths.usage)
  }

  /** The end of a journal that nobody writes to; undefined when there is none. */
  end(): End | undefined {
    const segment = segmentsIn(this.#journal).at(-1)
    return segment === undefined ? undefined : { segment, offset: Number.MAX_SAFE_INTEGER }
  }

  /** Sealed segments that have nothing beside them yet. */
  missing({ segment: open }: End): readonly number[] {
    return segmentsIn(this.#journal).filter((one) => one < open && !this.isMade(one))
  }

  isMade(segment: number): boolean {
    return this.#sidecarOf(segment) !== undefined
  }

  /** Of a sealed segment that was read to its end. */
  keep(tally: Tally, first: string): Sidecar {
    return this.#sidecars.make(tally, first)
  }

  /** Reads a sealed segment, and keeps its sums beside it. */
  make(segment: number): Sidecar {
    return again(() => this.#make(segment))
  }

  #make(segment: number): Sidecar {
    const file = this.#fileOf(segment)
    const first = file === undefined ? undefined : firstLine(file)
    if (file === undefined || first === undefined)
      throw new Error(`segment ${segment} cannot be read`)
    const tally = this.#begun(segment)
    tally.read(segmentSource(file), Number.MAX_SAFE_INTEGER, this.chargesBefore(segment))
    return this.keep(tally, first)
  }

  /** What has been read of a segment while it was open; once, so that what fails half way is not counted twice. */
  #begun(segment: number): Tally {
    const open = this.#open
    if (open?.segment !== segment) return new Tally(segment)
    this.#open = undefined
    return open
  }

  sum(query: UsageQuery, end: End): UsagePage {
    return again(() => this.#sum(query, end))
  }

  request(id: string, end: End): RequestRecords | undefined {
    return again(() => this.#request(id, end))
  }

  trail(query: TrailQuery, { segment: open, offset: to }: End): TrailPage {
    const segments = segmentsIn(this.#journal).filter((one) => one <= open)
    return again(() => this.#trail.page(query, { segments, to }))
  }

  #sum(query: UsageQuery, end: End): UsagePage {
    const sums = new TableSums(query, this.#localTime(query.timeZone))
    for (const segment of this.#sealedBefore(end)) {
      const sidecar = this.#sidecarOf(segment) ?? this.make(segment)
      if (meets(sidecar.quarters, query)) sums.add(tableOf(sidecar, query.only.account))
    }
    sums.add(this.#openTo(end).table)
    return sums.page()
  }

  #request(id: string, end: End): RequestRecords | undefined {
    const places = [...this.#sealedBefore(end), end.segment].flatMap((segment): Place[] => {
      const offsets = this.#offsets(segment, id, end)
      if (offsets.length === 0) return []
      const file = this.#fileOf(segment)
      if (file === undefined) throw movedAway(segmentFile(segment))
      return [{ segment, offsets, source: segmentSource(file) }]
    })
    return collectRequest(id, places, {
      price: (version) => this.#price(version, end),
      source: (segment) => this.#sourceOf(segment),
    })
  }

  /** The hours of a zone take some microseconds each to find, and mostly the same ones are asked for. */
  #localTime(timeZone: string): LocalTime {
    const local = this.#zones.get(timeZone) ?? localTime(timeZone)
    if (this.#zones.size >= ZONES_MAX) this.#zones.clear()
    this.#zones.set(timeZone, local)
    return local
  }

  #offsets(segment: number, id: string, end: End): readonly number[] {
    const asked = splitId(id)
    if (segment < end.segment)
      return offsetsOf(this.#sidecarOf(segment) ?? this.make(segment), asked)
    return this.#openTo(end).offsetsOf(asked)
  }

  /** Finds charges in the segments before one. */
  chargesBefore(segment: number): FindCharge {
    return chargeFinder({
      segments: () => this.#sealedBefore({ segment }).toReversed(),
      offsets: (one, asked) => offsetsOf(this.#sidecarOf(one) ?? this.make(one), asked),
      source: (one) => this.#sourceOf(one),
    })
  }

  #price(version: string, end: End): PriceEntry | undefined {
    const open = this.#openTo(end).prices.find((one) => one.version === version)
    if (open !== undefined) return open
    for (const segment of this.#sealedBefore(end)) {
      const sidecar = this.#sidecarOf(segment) ?? this.make(segment)
      const found = sidecar.prices.find((one) => one.version === version)
      if (found !== undefined) return found
    }
    return undefined
  }

  #openTo({ segment, offset }: End): Tally {
    const tally = this.#open?.segment === segment ? this.#open : new Tally(segment)
    this.#open = undefined // what fails half way would be counted twice by the next question
    const source = this.#sourceOf(segment)
    if (source !== undefined) tally.read(source, offset, this.chargesBefore(segment))
    this.#open = tally
    return tally
  }

  #sidecarOf(segment: number): Sidecar | undefined {
    return this.#sidecars.find(segment, () => this.#identityOf(segment))
  }

  #identityOf(segment: number): Identity {
    const file = this.#fileOf(segment)
    if (file === undefined) return { first: undefined, bytes: undefined }
    const bytes = file.endsWith('.gz') ? undefined : fs.statSync(file).size
    return { first: firstLine(file), bytes }
  }

  /** Segments that are there, and those that were moved away and left their sums. */
  #sealedBefore({ segment: open }: Pick<End, 'segment'>): readonly number[] {
    const all = new Set([...segmentsIn(this.#journal), ...this.#sidecars.list()])
    return [...all].filter((one) => one < open).sort((a, b) => a - b)
  }

  #sourceOf(segment: number): Source | undefined {
    const file = this.#fileOf(segment)
    return file === undefined ? undefined : segmentSource(file)
  }

  #fileOf(segment: number): string | undefined {
    const file = path.join(this.#journal, segmentFile(segment))
    return [file, packedFile(file)].find((one) => fs.existsSync(one))
  }
}

/** A segment may be packed while it is read; then it is there under another name. */
function again<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (!isMissing(error)) throw error
    return read()
  }
}

function meets(quarters: readonly number[], { from, to }: UsageQuery): boolean {
  return quarters.some((quarter) => quarter >= from && quarter < to)
}
