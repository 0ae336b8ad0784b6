import { randomUUID } from 'node:crypto'
import fs from 'node:fs'
import net from 'node:net'
import path from 'node:path'

/**
 * One writer a data folder. Claims are numbered files, created exclusively: whoever creates the number behind the
 * highest has the folder, if that highest one's owner is dead. Two starters that see the same dead owner try for the
 * same number, and the file system lets one of them have it.
 */
export type Claim = Readonly<{ release(): void }>

export type ClaimRequest = Readonly<{ dir: string; socket: string; purpose: 'server' | 'command' }>

type Owner = Readonly<{ pid: number; startedAt: string; boot: string; purpose: string }>

export class FolderInUse extends Error {
  override readonly name = 'FolderInUse'
  readonly purpose: string

  constructor(dir: string, owner: { pid: number | undefined; purpose: string }) {
    const who = owner.pid === undefined ? 'another process' : `process ${owner.pid}`
    super(
      `${dir} is in use by ${who} (${owner.purpose}). Stop it first, or set DB_DIR to another folder.`,
    )
    this.purpose = owner.purpose
  }
}

/** Takes the folder or throws `FolderInUse`; commands are short, so a claim of theirs is waited for. */
export async function claimFolder(request: ClaimRequest): Promise<Claim> {
  for (let patienceMs = PATIENCE_MS[request.purpose]; ; patienceMs -= RETRY_MS) {
    try {
      return await tryClaim(request)
    } catch (error) {
      const isWorthWaiting =
        error instanceof FolderInUse && error.purpose === 'command' && patienceMs > 0
      if (!isWorthWaiting) throw error
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS * (0.5 + Math.random())))
    }
  }
}

const RETRY_MS = 20
const PATIENCE_MS = { server: 800, command: 15_000 }

async function tryClaim({ dir, socket, purpose }: ClaimRequest): Promise<Claim> {
  if (await answers(socket)) throw new FolderInUse(dir, { pid: undefined, purpose: 'server' })
  const claims = claimsIn(dir)
  const highest = claims.at(-1)
  const owner = highest === undefined ? undefined : readOwner(path.join(dir, claimFile(highest)))
  if (owner !== undefined && isAlive(owner)) throw new FolderInUse(dir, owner)
  const mine = (highest ?? 0) + 1
  const file = path.join(dir, claimFile(mine))
  const isMine = create(file, purpose)
  // Whoever listed the folder long ago may create a number that is history by now: a higher one shows it.
  const isLate = isMine && claimsIn(dir).at(-1) !== mine
  if (isLate) fs.rmSync(file)
  if (!isMine || isLate) throw new FolderInUse(dir, { pid: undefined, purpose: 'command' })
  for (const old of claims) fs.rmSync(path.join(dir, claimFile(old)), { force: true })
  return {
    release: () => {
      release(file)
    },
  }
}

/** An empty claim is nobody's, but its number stays taken: numbers only grow. To empty it takes no room on a full disk. */
function release(file: string): void {
  try {
    fs.truncateSync(file)
  } catch {
    // The end of this process says the same, a moment later.
  }
}

const NAME = /^claim\.([0-9]+)$/
const claimFile = (number: number): string => `claim.${number}`

const claimsIn = (dir: string): readonly number[] =>
  fs
    .readdirSync(dir)
    .flatMap((name) => NAME.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b)

/** The file appears under its name whole: written aside and linked, which fails if the name is taken. */
function create(file: string, purpose: string): boolean {
  const owner: Owner = { ...whoIs(process.pid), purpose }
  const temporary = `${file}.${randomUUID()}.tmp`
  try {
    fs.writeFileSync(temporary, JSON.stringify(owner), { mode: 0o600 })
    fs.linkSync(temporary, file)
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false
    throw error
  } finally {
    fs.rmSync(temporary, { force: true })
  }
}

function readOwner(file: string): Owner | undefined {
  try {
    return JSON.parse(fs.readFileSync(file, 'utf8')) as Owner
  } catch {
    return undefined // released, or replaced by a later claim in this very moment
  }
}

/** The same process, not a later one with its number. */
function isAlive(owner: Owner): boolean {
  if (owner.pid === 0) return false // how earlier versions released a claim
  try {
    process.kill(owner.pid, 0)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EPERM')) return false
  }
  const now = whoIs(owner.pid)
  return now.startedAt === owner.startedAt && now.boot === owner.boot
}

/** Start time and boot tell two processes of one number apart; where there is no /proc, the number alone must do. */
function whoIs(pid: number): { pid: number; startedAt: string; boot: string } {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8')
    const startedAt = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''
    return {
      pid,
      startedAt,
      boot: fs.readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
    }
  } catch {
    return { pid, startedAt: '', boot: '' }
  }
}

function answers(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = net.connect(socket)
    connection.once('connect', () => {
      connection.destroy()
      resolve(true)
    })
    connection.once('error', () => {
      resolve(false)
    })
  })
}
