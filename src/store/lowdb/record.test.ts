import fc from 'fast-check'
import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { crc32 } from 'node:zlib'
import type { Entry } from '../../domain/entry.ts'
import type { BookedEntry } from '../booked-entry.ts'
import { BadRecord, follows, GENESIS, RecordReader, RecordWriter } from './record.ts'

const entryOf = (text: string): Entry => ({ kind: 'account', at: 1, account: text, tier: 'free' })

/** Batches of entries with any text in them, as a flush would write them. */
const BATCHES = fc.array(
  fc.array(fc.string({ unit: 'binary', maxLength: 12 }).map(entryOf), {
    minLength: 1,
    maxLength: 4,
  }),
  { minLength: 2, maxLength: 5 },
)

const written = (batches: Entry[][]): string[] => {
  const writer = new RecordWriter(GENESIS)
  return batches.map((batch) => writer.batch(batch).toString())
}
const linesOf = (text: string): string[] => text.split('\n').slice(0, -1)

function read(lines: readonly string[]): { entries: BookedEntry[]; reader: RecordReader } {
  const reader = new RecordReader(GENESIS)
  return { entries: lines.map((line) => reader.read(Buffer.from(line)).entry), reader }
}

/** The lines with something done to them, for any journal and any place in it; the reader must refuse them. */
const refuses = (change: (lines: string[], at: number) => string[]) =>
  fc.assert(
    fc.property(BATCHES, fc.nat(), (batches, pick) => {
      const lines = linesOf(written(batches).join(''))
      expect(() => read(change(lines, pick % (lines.length - 1)))).toThrow(BadRecord)
    }),
  )

test('what was written is read back, whatever text is in it', () => {
  const anyJournal = fc.property(BATCHES, (batches) => {
    const { entries, reader } = read(linesOf(written(batches).join('')))
    expect(entries).toEqual(JSON.parse(JSON.stringify(batches.flat())))
    expect(reader.position.seq).toBe(entries.length)
  })
  fc.assert(anyJournal)
})

test('lines are read as well where they lie as one by one, wherever the pieces of a file end', () => {
  const NEXT = fc.constantFrom('behind', 'apart', 'elsewhere')
  const anyPieces = fc.property(BATCHES, fc.array(NEXT), (batches, places) => {
    const lines = linesOf(written(batches).join(''))
    const gaps = lines.map((_, index) => (places[index] === 'apart' ? '\n\n' : '\n'))
    const text = lines.map((line, index) => `${line}${gaps[index] ?? ''}`).join('')
    const reader = new RecordReader(GENESIS)
    let [bytes, start] = [Buffer.from(text), 0]
    const entries = lines.map((line, index) => {
      const end = start + Buffer.byteLength(line)
      const { entry } = reader.read(bytes, start, end)
      start = end + (gaps[index]?.length ?? 0)
      if (places[index] === 'elsewhere') {
        const copy = Buffer.from(bytes).fill(0, 0, start)
        bytes.fill(0, start)
        bytes = copy
      }
      return entry
    })
    expect(entries).toEqual(JSON.parse(JSON.stringify(batches.flat())))
    expect(reader.position.seq).toBe(entries.length)
  })
  fc.assert(anyPieces)
})

describe('a line is refused', () => {
  test('when the one before it is lost', () => {
    refuses((lines, at) => lines.toSpliced(at, 1))
  })

  test('when it stands there twice', () => {
    refuses((lines, at) => lines.toSpliced(at, 0, lines[at] ?? ''))
  })

  test('when it has changed places with the next', () => {
    refuses((lines, at) => lines.toSpliced(at, 2, lines[at + 1] ?? '', lines[at] ?? ''))
  })

  test('when one character of it has changed', () => {
    refuses((lines, at) => {
      const line = lines[at] ?? ''
      const place = line.indexOf('"at":1') + 5
      return lines.with(at, `${line.slice(0, place)}2${line.slice(place + 1)}`)
    })
  })

  test('when it was changed and its crc and all later ones made to fit', () => {
    refuses((lines, at) => {
      let crc = 0
      return lines.map((line, index) => {
        const body = line.slice(0, -',"crc":"00000000"}'.length)
        const edited = index === at ? body.replace('"tier":"free"', '"tier":"vip"') : body
        crc = crc32(edited, crc)
        return `${edited},"crc":"${crc.toString(16).padStart(8, '0')}"}`
      })
    })
  })

  test('when it skips a number, though its sums are right', () => {
    const later = new RecordWriter({ ...GENESIS, seq: 1 }).batch([entryOf('two')]).toString()
    expect(() => read(linesOf(later))).toThrow('seq 2 where 1 belongs')
  })

  test('when it is empty, or no record at all', () => {
    for (const text of ['', 'null', '{}', '{"seq":1}', '\u0000'.repeat(80)]) {
      expect(() => read([text]), text).toThrow(BadRecord)
    }
  })
})

test('the end of a batch is refused when it counts other lines than stand there', () => {
  const last = (count: number) => {
    const body = `{"seq":1,${JSON.stringify(entryOf('one')).slice(1, -1)},"batch":${count}`
    const chain = createHash('sha256').update(GENESIS.chain).update(body).digest('hex')
    const chained = `${body},"chain":"${chain}"`
    return `${chained},"crc":"${crc32(chained).toString(16).padStart(8, '0')}"}`
  }
  expect(read([last(1)]).reader.position.seq).toBe(1)
  expect(() => read([last(2)])).toThrow('a batch of 2, and 1 are there')
})

test('a sound line is known from the one before it alone', () => {
  const [one = '', two = '', three = ''] = linesOf(
    written([[1, 2, 3].map((n) => entryOf(`${n}`))]).join(''),
  )
  expect([follows(two, one), follows(three, two)]).toEqual([true, true])
  expect([follows(three, one), follows(two, 'torn'), follows('', one)]).toEqual([
    false,
    false,
    false,
  ])
})

test('a batch that needs more memory than the ones before it is whole, and so are those after it', () => {
  const long = entryOf('ü'.repeat(700_000))
  const batches = [[entryOf('one')], [entryOf('two'), long, long], [entryOf('three')]]
  const { entries } = read(linesOf(written(batches).join('')))
  expect(entries).toEqual(batches.flat())
})
