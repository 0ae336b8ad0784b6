// A CPU profile of one gateway under one scenario, as tables: where the time goes.
import { mkdirSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { runLoad } from '../run/run-load.ts'
import { scenarios, type Pace, type ScenarioName } from '../run/scenario.ts'
import { startSubject } from '../subjects/start-subject.ts'
import { table } from './table.ts'
import type { Bed, SubjectName } from '../subjects/subject.ts'

/** The part of V8's .cpuprofile format that is read here. */
type CpuProfile = Readonly<{
  nodes: readonly Readonly<{
    id: number
    callFrame: Readonly<{ functionName: string; url: string; lineNumber: number }>
  }>[]
  samples: readonly number[]
  timeDeltas: readonly number[]
}>

type ProfileRun = Readonly<{ name: ScenarioName; subject: SubjectName; pace: Pace; bed: Bed }>

const functionsShown = 30
const placesShown = 15

export async function profileScenario({ name, subject, pace, bed }: ProfileRun): Promise<string> {
  const scenario = scenarios[name]
  if (scenario.load === undefined) return `\n${name} has no load to profile\n`
  const stamp = new Date().toISOString().replaceAll(':', '-')
  const profileFolder = join(bed.root, 'bench', 'profiles', `${stamp}-${name}-${subject}`)
  mkdirSync(profileFolder, { recursive: true })
  const running = await startSubject(subject, { ...bed, profileFolder })
  const report = await runLoad(scenario.load(pace), running, bed)
  await running.child.stop()
  const wrong = report.errors > 0 ? `  ! ${report.errors} wrong answers\n` : ''
  return `\n${name} · ${subject} · ${scenario.title}\n${wrong}${describe(profileFolder)}`
}

function describe(folder: string): string {
  const names = readdirSync(folder).filter((name) => name.endsWith('.cpuprofile'))
  if (names.length === 0) return '  no profile was written: the process did not end by itself\n'
  const byFunction = new Map<string, number>()
  const byPlace = new Map<string, number>()
  for (const name of names) {
    const profile = JSON.parse(readFileSync(join(folder, name), 'utf8')) as CpuProfile
    for (const { self, label, place } of selfTimes(profile)) {
      byFunction.set(label, (byFunction.get(label) ?? 0) + self)
      byPlace.set(place, (byPlace.get(place) ?? 0) + self)
    }
  }
  const lists = [
    ranked('self time by function', { times: byFunction, shown: functionsShown }),
    ranked('self time by place', { times: byPlace, shown: placesShown }),
  ]
  return `${lists.map(table).join('\n')}\n  profiles in ${folder}\n`
}

function ranked(
  title: string,
  { times, shown }: { times: ReadonlyMap<string, number>; shown: number },
): string[][] {
  const total = [...times.values()].reduce((sum, time) => sum + time, 0)
  const longest = [...times].sort(([, left], [, right]) => right - left).slice(0, shown)
  const rows = longest.map(([label, time]) => [
    label,
    `${((time / total) * 100).toFixed(1)} %`,
    (time / 1000).toFixed(0),
  ])
  return [[title, 'share', 'ms'], ...rows]
}

type SelfTime = Readonly<{ self: number; label: string; place: string }>

function selfTimes({ nodes, samples, timeDeltas }: CpuProfile): SelfTime[] {
  const selfById = new Map<number, number>()
  samples.forEach((id, index) => {
    selfById.set(id, (selfById.get(id) ?? 0) + (timeDeltas[index] ?? 0))
  })
  return nodes.flatMap(({ id, callFrame }) => {
    const { functionName, url, lineNumber } = callFrame
    if (functionName === '(idle)') return []
    const file = url.replace(/^file:.*\/(?=(?:dist|compiled)\/)/, '')
    const where = url === '' ? '' : ` ${shortFile(file)}:${lineNumber + 1}`
    const label = `${functionName || '(anonymous)'}${where}`
    return [{ self: selfById.get(id) ?? 0, label, place: placeOf(file, functionName) }]
  })
}

/** The package, the part of Node, or the folder of our own code. */
function placeOf(file: string, functionName: string): string {
  const dependency = /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)
  if (dependency?.[1] !== undefined) return dependency[1]
  if (file.startsWith('node:')) return file.startsWith('node:_http') ? 'node http' : 'node'
  if (file === '') return functionName.startsWith('(') ? functionName : '(native)'
  return file.split('/').slice(0, -1).join('/')
}

function shortFile(file: string): string {
  return file.replace(/^.*node_modules\//, '')
}
