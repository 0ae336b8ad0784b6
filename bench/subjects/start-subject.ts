import { startBare } from './bare.ts'
import { startPortkey } from './portkey.ts'
import { startTollgate } from './tollgate.ts'
import type { Bed, Subject, SubjectName } from './subject.ts'

export function startSubject(name: SubjectName, bed: Bed): Promise<Subject> {
  if (name === 'tollgate') return startTollgate(bed)
  if (name === 'portkey') return startPortkey(bed)
  return startBare(name, bed)
}
