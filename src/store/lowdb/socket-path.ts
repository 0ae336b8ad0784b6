import { createHash } from 'node:crypto'
import os from 'node:os'
import path from 'node:path'

/** The kernel's limit for a socket's path; Node cuts a longer one silently. */
const PATH_BYTES_MAX = 100

/**
 * The socket lies in the data folder. Where that path is too long it lies in the system's folder for temporary files,
 * under a name that follows from the path, so that the server and the command line agree on it.
 */
export function socketPath(wanted: string): string {
  if (Buffer.byteLength(wanted) <= PATH_BYTES_MAX) return wanted
  const name = createHash('sha256').update(wanted).digest('hex').slice(0, 24)
  return path.join(os.tmpdir(), `tollgate-${name}.sock`)
}
