import os from 'node:os'
import path from 'node:path'
import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

const gateways = path.join(import.meta.dirname, 'test') + path.sep

/**
 * Whole gateways first, which take seconds, and what takes milliseconds last: so all workers end at the same time, also
 * where nobody knows yet how long each file takes.
 */
class WholeGatewaysFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isWhole = ({ moduleId }: TestSpecification) => moduleId.startsWith(gateways)
    const sorted = await super.sort(files)
    return sorted.sort((a, b) => Number(isWhole(b)) - Number(isWhole(a)))
  }
}

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts', 'bench/**/*.test.ts'],
    // Far beyond what anything takes: a busy machine is no reason to fail.
    testTimeout: 60_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 30_000 } },
    // Half of a test of a whole gateway is waiting for it: two at a time also where there are two cores, for which the default is one.
    maxWorkers: Math.max(2, os.availableParallelism() - 1),
    sequence: { sequencer: WholeGatewaysFirst },
  },
})
