import type { Child } from '../run/child.ts'

export const subjectNames = ['bare', 'tollgate', 'portkey', 'bare2'] as const
export type SubjectName = (typeof subjectNames)[number]

/** A gateway under test, running. */
export type Subject = Readonly<{
  name: SubjectName
  child: Child
  port: number
  /** What a caller sends besides the chat request. */
  headers: Readonly<Record<string, string>>
}>

/** What a subject is given at its start. */
export type Bed = Readonly<{
  /** The project's root. */
  root: string
  /** This run's own folder, on a real disk; removed at the end. */
  scratch: string
  /** Where the bench's own compiled code is. */
  compiled: string
  upstreamPort: number
  /** The gateway under test has a core to itself; upstream and load share the other. */
  cores: Readonly<{ gateway: number; others: number }>
  /** Where a CPU profile goes, when one is asked for. */
  profileFolder: string | undefined
}>

/** A subject that cannot run here; the message says what to do about it. */
export class Unavailable extends Error {}

export function profileArgs({ profileFolder }: Bed): string[] {
  return profileFolder === undefined
    ? []
    : ['--cpu-prof', '--cpu-prof-interval=500', `--cpu-prof-dir=${profileFolder}`]
}
