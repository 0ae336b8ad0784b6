import fc from 'fast-check'
import { expect, test } from 'vitest'
import { lineQueue } from './line-queue.ts'

test('a queue keeps the newest in order and counts what gave way, whatever is pushed and taken', () => {
  const steps = fc.array(fc.oneof(fc.constant('push' as const), fc.nat({ max: 7 })), {
    maxLength: 200,
  })
  fc.assert(
    fc.property(steps, fc.integer({ min: 1, max: 20 }), (list, sizeMax) => {
      const queue = lineQueue<number>(sizeMax)
      let model: number[] = []
      let dropped = 0
      for (const [index, step] of list.entries()) {
        if (step === 'push') {
          queue.push(index)
          model.push(index)
          if (model.length > sizeMax) dropped++
          model = model.slice(-sizeMax)
        } else {
          expect(queue.take(step)).toEqual(model.splice(0, step))
        }
        expect(queue.size()).toBe(model.length)
      }
      expect(queue.takeDropped()).toBe(dropped)
      expect(queue.takeDropped()).toBe(0)
    }),
  )
})
