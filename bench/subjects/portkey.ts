import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { startNode } from '../run/child.ts'
import { freePort, untilReady } from './loopback.ts'
import { profileArgs, Unavailable, type Bed, type Subject } from './subject.ts'

/** Portkey has no setting for its address, and it proxies to wherever a caller says: loopback alone for it. */
const loopbackOnly = `data:text/javascript,${encodeURIComponent(`
import net from 'node:net'
const { listen } = net.Server.prototype
net.Server.prototype.listen = function (port, ...rest) {
  return listen.call(this, { port, host: '127.0.0.1' }, ...rest.filter((one) => typeof one === 'function'))
}`)}`

export async function startPortkey(bed: Bed): Promise<Subject> {
  const folder = join(bed.root, 'bench', 'portkey')
  const main = join(folder, 'node_modules', '@portkey-ai', 'gateway', 'build', 'start-server.js')
  if (!existsSync(main)) await install(folder)
  const port = await freePort()
  const child = startNode({
    core: bed.cores.gateway,
    args: [...profileArgs(bed), '--import', loopbackOnly, main, `--port=${port}`, '--headless'],
    env: { NODE_ENV: 'production' },
    cwd: folder,
  })
  await untilReady(`http://127.0.0.1:${port}/`, child)
  const headers = {
    authorization: 'Bearer bench-key',
    'x-portkey-provider': 'openai',
    'x-portkey-custom-host': `http://127.0.0.1:${bed.upstreamPort}/v1`,
  }
  return { name: 'portkey', child, port, headers }
}

async function install(folder: string): Promise<void> {
  process.stderr.write('installing Portkey into bench/portkey (once) …\n')
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
  try {
    await promisify(execFile)('npm', args, { cwd: folder })
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new Unavailable(`npm ci failed: ${reason.slice(0, 500)}`, { cause: error })
  }
}
