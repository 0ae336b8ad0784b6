import { parentPort, workerData } from 'node:worker_threads'
import { Failure } from '../../../domain/failure.ts'
import { dbPaths } from '../segments.ts'
import { stillMaking } from './refusals.ts'
import { UsageReader, type End } from './reader.ts'
import type { Answer, Answered, Asked, Question } from './questions.ts'

/** More than these are not read while somebody waits. */
const MAKE_NOW_MAX = 3

const { dir } = workerData as { dir: string }
const reader = new UsageReader(dbPaths(dir))
let making: End | undefined

parentPort?.on('message', ({ id, question }: Asked) => {
  tell({ id, ...answerTo(question) })
})

const tell = (answered: Answered): void => {
  parentPort?.postMessage(answered)
}

function answerTo(question: Question): Answer {
  try {
    return { kind: 'answer', result: resultOf(question) }
  } catch (error) {
    return troubleOf(error)
  }
}

function resultOf(question: Question): Extract<Answer, { kind: 'answer' }>['result'] {
  const { end } = question
  if (question.kind === 'trail') return reader.trail(question.query, end)
  const missing = reader.missing(end)
  const left = missing.length
  if (question.kind === 'makeNext') return makeFirst(missing)
  if (left > 0 && (question.kind === 'make' || left > MAKE_NOW_MAX)) makeAll(end)
  if (question.kind === 'make') return undefined
  if (left > MAKE_NOW_MAX) throw stillMaking(left)
  return question.kind === 'sum'
    ? reader.sum(question.query, end)
    : reader.request(question.request, end)
}

function makeFirst([first, ...rest]: readonly number[]): number {
  if (first !== undefined) reader.make(first)
  return rest.length
}

function troubleOf(error: unknown): Answer {
  if (error instanceof Failure) {
    const { code, message, details } = error
    return { kind: 'refused', code, message, details }
  }
  return { kind: 'trouble', message: error instanceof Error ? String(error.stack) : String(error) }
}

/** One after the other, with the questions that came meanwhile in between. */
function makeAll(end: End): void {
  const isIdle = making === undefined
  making = end
  if (isIdle) setImmediate(makeNext)
}

function makeNext(): void {
  if (making === undefined) return
  try {
    const [next] = reader.missing(making)
    if (next !== undefined) {
      reader.make(next)
      setTimeout(makeNext, 0)
      return
    }
  } catch (error) {
    tell({ id: 0, ...troubleOf(error) })
  }
  making = undefined
}
