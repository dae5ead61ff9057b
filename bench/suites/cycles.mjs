// SPDX-License-Identifier: MIT
/**
 * Lock, bits, list, and the cycles of both forms on one CPU, against the same in C.
 *
 * A form of the protocol is chosen when its package is loaded, so the tasklet's cycle runs in a process of its own.
 */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import * as list from '@bottomhalf/list'
import * as machine from '@bottomhalf/machine'
import * as spinlock from '@bottomhalf/spinlock'
import { startReference } from '../c.mjs'
import { boot, cycles } from '../machines/setup.mjs'
import { nsPerTurn, print, quick, row } from '../measure.mjs'

// Constants of this module: an import is looked up at each use, which in loops this short is a good part of the figure.
const { formatMemory, setCurrentCpu, testAndClearBit, testAndSetBit, xzalloc } = machine
const { ListHead, listAddTail, listDel, listInit } = list
const { SpinLock, lockClass, spinLock, spinLockInit, spinUnlock } = spinlock

let found = 0   // the old bits, which a test and set is for

const isTasklet = process.argv.includes('--tasklet')
const benchLock = lockClass('benchLock')
formatMemory({ cpus: 1, trace: false })
setCurrentCpu(0)
boot()

const reference = startReference()
const against = (...names) => Object.fromEntries(
  reference === undefined ? [] : names.map((name) => [`C ${name}`, reference.loop(name)]))

if (isTasklet) {
  print(await nsPerTurn({ cycles, ...against('tasklet') }))
} else {
  const tasklet = runTasklet()
  const own = await nsPerTurn({ ...primitives(), ...against('lock', 'bits', 'list') })
  const dpci = await nsPerTurn({ cycles, ...against('dpci') })
  print([
    row('lock + unlock', 'ns', own.lock, 'C', own['C lock'], { atMost: 2 }),
    row('bit set + clear', 'ns', own.bits, 'C', own['C bits'], { atMost: 2 }),
    row('list add + del, plain', 'ns', own.list, 'C', own['C list'], { atMost: 1.5 }),
    row('dpci cycle', 'ns', dpci.cycles, 'C', dpci['C dpci'], { atMost: 2.3 }),
    row('tasklet cycle', 'ns', tasklet.cycles, 'C', tasklet['C tasklet']),
    row('dpci cycle', 'ns', dpci.cycles, 'tasklet cycle', tasklet.cycles),
  ])
}
await reference?.close()
if (!Number.isInteger(found)) process.exitCode = 1

function primitives() {
  const lock = xzalloc(SpinLock.sizeWords, SpinLock.tag)
  spinLockInit(lock, benchLock)
  const bits = xzalloc(1, 0)
  const head = xzalloc(ListHead.sizeWords, ListHead.tag)
  const nodes = xzalloc(8 * ListHead.sizeWords, ListHead.tag)
  listInit(head)
  return {
    lock: (n) => {
      for (let i = 0; i < n; i++) {
        spinLock(lock)
        spinUnlock(lock)
      }
    },
    bits: (n) => {
      for (let i = 0; i < n; i++) found += testAndSetBit(3, bits) + testAndClearBit(3, bits)
    },
    list: (n) => {
      for (let i = 0; i < n; i++) {
        const node = nodes + (i & 7) * 2
        listAddTail(node, head)
        listDel(node)
      }
    },
  }
}

function runTasklet() {
  const args = ['--conditions=tasklet', fileURLToPath(import.meta.url), '--tasklet', ...quick ? ['--quick'] : []]
  const { status, stdout } = spawnSync(process.execPath, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })
  if (status !== 0) throw new Error('the cycle of the tasklet form failed')
  return JSON.parse(stdout)
}
