import fs from 'node:fs'
import path from 'node:path'

/**
 * Puts other books in the place of those in a data folder. The decision is one rename, of a note that says what goes
 * where: before it nothing has changed, and after it the switch is finished by whoever opens the folder next, however
 * often it is interrupted. So there is no moment in which a start would find half of each, or nothing.
 */
export type Switch = Readonly<{
  format: 'tollgate-switch/1'
  /** Folder in the data folder with the books to come. */
  staging: string
  /** Folder in it for the books that were there; never deleted by the program. */
  safety: string
  leaving: readonly string[]
  coming: readonly string[]
}>

const NOTE = 'restore.json'
const STAGING = 'restore.'
const SAFETY = 'before-restore-'
/** What belongs to the folder rather than to the books in it. */
const STAYS =
  /^(?:\.|claim\.|gateway\.sock$|reserve$|quarantine$|lost\+found$|restore\.|before-restore-)/

/** A folder for the books to come, on the same file system as those that are there. */
export function makeStaging(dir: string): string {
  return fs.mkdtempSync(path.join(dir, STAGING))
}

/** Folders of restores that were interrupted before they had changed anything. */
export function removeStagings(dir: string): number {
  const left = fs
    .readdirSync(dir)
    .filter((name) => name.startsWith(STAGING) && !name.startsWith(NOTE))
  for (const name of left) fs.rmSync(path.join(dir, name), { recursive: true })
  fs.rmSync(path.join(dir, `${NOTE}.tmp`), { force: true })
  return left.length
}

/** Decides the switch, and carries it out. `stamp` names the safety copy. */
export function switchBooks(dir: string, staging: string, stamp: string): Switch {
  const leaving = fs.readdirSync(dir).filter((name) => !STAYS.test(name))
  const plan: Switch = {
    format: 'tollgate-switch/1',
    staging: path.basename(staging),
    safety: freeName(dir, `${SAFETY}${stamp}`),
    leaving,
    coming: fs.readdirSync(staging),
  }
  const temporary = path.join(dir, `${NOTE}.tmp`)
  fs.writeFileSync(temporary, JSON.stringify(plan), { mode: 0o600, flush: true })
  fs.renameSync(temporary, path.join(dir, NOTE))
  syncFolder(dir)
  carryOut(dir, plan)
  return plan
}

/** Finishes a switch that was decided and interrupted; undefined when there is none. The folder must be claimed. */
export function finishSwitch(dir: string): Switch | undefined {
  const note = path.join(dir, NOTE)
  if (!fs.existsSync(note)) return undefined
  const plan = JSON.parse(fs.readFileSync(note, 'utf8')) as Switch
  carryOut(dir, plan)
  return plan
}

/** Each step can be seen to be done, so all of it can be done again. New books come in only when all old ones are out. */
function carryOut(dir: string, { staging, safety, leaving, coming }: Switch): void {
  const [from, aside] = [path.join(dir, staging), path.join(dir, safety)]
  if (leaving.length > 0) fs.mkdirSync(aside, { recursive: true, mode: 0o700 })
  for (const name of leaving)
    if (!fs.existsSync(path.join(aside, name)))
      fs.renameSync(path.join(dir, name), path.join(aside, name))
  if (leaving.length > 0) syncFolder(aside)
  syncFolder(dir)
  for (const name of coming)
    if (fs.existsSync(path.join(from, name)))
      fs.renameSync(path.join(from, name), path.join(dir, name))
  syncFolder(dir)
  fs.rmSync(from, { recursive: true, force: true })
  fs.rmSync(path.join(dir, NOTE))
  syncFolder(dir)
}

function freeName(dir: string, wanted: string): string {
  let name = wanted
  for (let count = 2; fs.existsSync(path.join(dir, name)); count++) name = `${wanted}-${count}`
  return name
}

function syncFolder(folder: string): void {
  const fd = fs.openSync(folder, 'r')
  fs.fsyncSync(fd)
  fs.closeSync(fd)
}
