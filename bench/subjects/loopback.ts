import { createServer, type AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Unavailable } from './subject.ts'
import type { Child } from '../run/child.ts'

const readyMs = 20_000
const pollMs = 50

export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** Resolves when the URL answers 200. */
export async function untilReady(url: string, child: Child): Promise<void> {
  const deadline = Date.now() + readyMs
  while (Date.now() < deadline && !child.hasEnded()) {
    const isReady = await fetch(url, { signal: AbortSignal.timeout(1_000) }).then(
      (response) => response.status === 200,
      () => false, // not listening yet
    )
    if (isReady) return
    await sleep(pollMs)
  }
  throw notReady(child)
}

/** The port that one of the bench's own servers prints when it listens. */
export async function untilListening(child: Child): Promise<number> {
  const deadline = Date.now() + readyMs
  while (Date.now() < deadline && !child.hasEnded()) {
    const found = /"port":(\d+)/.exec(child.output())
    if (found !== null) return Number(found[1])
    await sleep(pollMs)
  }
  throw notReady(child)
}

function notReady(child: Child): Unavailable {
  const what = child.hasEnded() ? 'ended at its start' : `was not ready in ${readyMs / 1000} s`
  return new Unavailable(`it ${what}: ${child.complaint().trim() || 'it said nothing'}`)
}
