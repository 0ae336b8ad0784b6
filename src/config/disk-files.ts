import { readFileSync } from 'node:fs'
import type { FileRead, Files } from './config.ts'

/** The real disk; relative paths start at the working directory. */
export const diskFiles: Files = { read: readText }

function readText(path: string): FileRead {
  try {
    return { kind: 'text', text: readFileSync(path, 'utf8') }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
    return code === 'ENOENT' ? { kind: 'missing' } : { kind: 'unreadable', reason: code }
  }
}
