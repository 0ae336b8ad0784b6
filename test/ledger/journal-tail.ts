import fs from 'node:fs'
import path from 'node:path'
import type { JournalRecord } from '../support/journal.ts'

/** Reads a journal from where it stopped the last time, without the gateway's code. */
export function journalTail(folder: string): () => readonly JournalRecord[] {
  let [file, offset] = ['', 0]
  return () => {
    const names = fs.readdirSync(folder).filter((name) => /^\d{8}\.jsonl$/.test(name))
    const records: JournalRecord[] = []
    for (const name of names.filter((one) => one >= file).sort()) {
      if (name !== file) offset = 0
      file = name
      const bytes = fs.readFileSync(path.join(folder, name)).subarray(offset)
      // Behind the last line there may be room that is set aside and full of zeros.
      const end = bytes.indexOf(0)
      const text = bytes.subarray(0, end === -1 ? bytes.length : end)
      const whole = text.subarray(0, text.lastIndexOf(10) + 1)
      offset += whole.length
      for (const line of whole.toString().split('\n'))
        if (line !== '') records.push(JSON.parse(line) as JournalRecord)
    }
    return records
  }
}
