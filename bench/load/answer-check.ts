import type { AnswerShape } from './plan.ts'
import type { ResponseHead } from './response-reader.ts'

export type AnswerCheck = Readonly<{
  /** Takes a piece of the body; returns how many chunks it held. */
  take(piece: string): number
  /** What is wrong with the answer that has now ended; undefined when nothing is. */
  verdict(head: ResponseHead): string | undefined
}>

const field = 'data: '
const done = 'data: [DONE]'

/** A gateway that answers wrongly must not look fast: every answer is checked, to its last byte. */
export function answerCheck(shape: AnswerShape): AnswerCheck {
  return shape.kind === 'whole' ? wholeCheck() : streamCheck(shape.chunks)
}

function wholeCheck(): AnswerCheck {
  let body = ''
  return {
    take(piece) {
      body += piece
      return 0
    },
    verdict({ status }) {
      const answer = body
      body = ''
      if (status !== 200) return `status ${status}: ${answer.slice(0, 200)}`
      const isComplete = answer.includes('"finish_reason":"stop"') && answer.includes('"usage":{')
      return isComplete && answer.trimEnd().endsWith('}') ? undefined : 'an incomplete completion'
    },
  }
}

function streamCheck(chunksExpected: number): AnswerCheck {
  let events = 0
  let cut = ''
  let end = ''
  let start = ''
  return {
    take(piece) {
      const text = cut + piece
      let found = 0
      for (let at = text.indexOf(field); at >= 0; at = text.indexOf(field, at + 1)) found++
      cut = text.slice(1 - field.length)
      end = (end + piece).slice(-2 - done.length)
      if (start === '') start = piece.slice(0, 200)
      events += found
      return found
    },
    verdict({ status }) {
      const chunks = events - 1
      const isDone = end.trimEnd() === done
      const opening = start
      events = 0
      cut = end = start = ''
      if (status !== 200) return `status ${status}: ${opening}`
      if (!isDone) return 'a stream without [DONE]'
      return chunks === chunksExpected ? undefined : `${chunks} chunks, not ${chunksExpected}`
    },
  }
}
