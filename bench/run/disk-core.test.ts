import { expect, test } from 'vitest'
import { coreOf, interrupts } from './disk-core.ts'

const table = (disk: string, timer: string) => `           CPU0       CPU1
 36:   ${disk}  PCI-MSIX-0000:00:02.0   1-edge      virtio1-req.0
 37:        7        90000  PCI-MSIX-0000:00:03.0   1-edge      virtio2-input.0
LOC:   ${timer}   Local timer interrupts
ERR:          0
`

test.each([
  ['the second core', '12 28000', '14 28900', 1],
  ['the first', '28000 12', '28900 12', 0],
  ['both, so it does not matter', '500 500', '900 900', 0],
  ['nobody knows whom', '12 28000', '12 28003', 0],
])('the disk tells %s', (_, before, after, core) => {
  const [begun, ended] = [table(before, '5 5'), table(after, '5 9000000')]
  expect(coreOf(interrupts(begun), interrupts(ended))).toBe(core)
})
