import assert from 'node:assert/strict'
import net from 'node:net'
import { chat, raw } from '../support/raw.ts'
import { mib, MIB, openBed } from './bed.ts'
import { many, type Part } from './part.ts'

const AT_ONCE = 200
/** What a connection on which nothing happens may cost. */
const BYTES_MAX = 64 * 1024

/**
 * Connections that are kept open and not used, as by the pools of proxies; whoever asks something is served as before. What
 * the first thousands of them leave behind in the process's memory the next ones use: so it is held against that.
 */
export const idle: Part = async ({ scale, onStep }) => {
  const bed = await openBed({ words: ['answer?chunks=5'] })
  const { url } = bed.house.gateway
  const ask = () => raw({ url, key: bed.client.key, body: chat('words') })
  await many({ count: 200, atOnce: 20 }, async () => {
    await ask()
  })
  const wave = async () => {
    const open: net.Socket[] = []
    await many({ count: scale.idle, atOnce: AT_ONCE, onStep }, async () => {
      open.push(await connected(Number(new URL(url).port)))
    })
    const full = bed.vitals()
    const lost = open.filter(({ destroyed }) => destroyed).length
    assert.equal(lost, 0, `${lost} connections were not kept`)
    for (let n = 0; n < 50; n++)
      assert.equal((await ask()).status, 200, 'it does not answer others')
    for (const socket of open) socket.destroy()
    return full
  }
  const young = await bed.quiet()
  const full = await wave()
  const growth = full.rssBytes - young.rssBytes
  const bytesEach = Math.round(growth / scale.idle)
  assert.ok(growth < Math.max(scale.idle * BYTES_MAX, 64 * MIB), `${bytesEach} bytes a connection`)
  const base = await bed.quiet()
  await wave()
  const { sockets, rssBytes } = await bed.restored({ ...base, sockets: young.sockets })
  await bed.close()
  return {
    ...{ idle: scale.idle, bytesEach, sockets, socketsBefore: young.sockets },
    ...{ mibYoung: mib(young.rssBytes), mibFull: mib(full.rssBytes) },
    ...{ mibBefore: mib(base.rssBytes), mib: mib(rssBytes) },
  }
}

/** Asks one thing, for a connection that never said anything is not idle but slow, and is closed. */
function connected(port: number): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1', () => {
      socket.write('GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n')
    })
    socket.once('data', () => {
      resolve(socket)
    })
    socket.once('error', reject)
  })
}
