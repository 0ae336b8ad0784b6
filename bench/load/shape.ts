import type { AnswerShape } from './plan.ts'

const marker = /\[bench (whole|stream|quiet) (\d+) (\d+) (\d+)\]/

/** The shape rides in the prompt: the one part of a request that no gateway may touch. */
export function writeShape(shape: AnswerShape): string {
  switch (shape.kind) {
    case 'whole':
      return '[bench whole 0 0 0]'
    case 'quiet':
      return `[bench quiet ${shape.chunks} 0 0]`
    case 'stream':
      return `[bench stream ${shape.chunks} ${shape.group} ${shape.everyMs}]`
  }
}

export function readShape(body: string): AnswerShape {
  const [, kind, ...numbers] = marker.exec(body) ?? []
  const [chunks = 0, group = 1, everyMs = 0] = numbers.map(Number)
  if (kind === 'stream') return { kind, chunks, group, everyMs }
  return kind === 'quiet' ? { kind, chunks } : { kind: 'whole' }
}
