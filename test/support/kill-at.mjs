// Loaded before a program to kill it, as a loss of power would, when it is about to make its Nth change to the disk.
import fs from 'node:fs'
import process from 'node:process'

let left = Number(process.env.KILL_AT)
for (const name of ['mkdirSync', 'renameSync', 'rmSync', 'fsyncSync', 'writeFileSync']) {
  const change = fs[name]
  fs[name] = (...args) => {
    if (--left === 0) process.kill(process.pid, 'SIGKILL')
    return change(...args)
  }
}
