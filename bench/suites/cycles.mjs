// SPDX-License-Identifier: MIT
/**
 * Lock, bits, list, and the cycles of both forms on one CPU, against the same in C.
 *
 * A form of the protocol is chosen when its package is loaded, so the tasklet's cycle runs in a process of its own.
 */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { ListHead, listAddTail, listDel, listInit } from '@bottomhalf/list'
import { formatMemory, setCurrentCpu, testAndClearBit, testAndSetBit, xzalloc } from '@bottomhalf/machine'
import { SpinLock, lockClass, spinLock, spinLockInit, spinUnlock } from '@bottomhalf/spinlock'
import { runReference } from '../c.mjs'
import { boot, cycles } from '../machines/setup.mjs'
import { nsPerTurn, print, quick, row } from '../measure.mjs'

const benchLock = lockClass('benchLock')
formatMemory({ cpus: 1, trace: false })
setCurrentCpu(0)
boot()

if (process.argv.includes('--tasklet')) {
  print(await nsPerTurn({ tasklet: cycles }, 100_000))
} else {
  const { tasklet } = runTasklet()
  const own = await nsPerTurn(primitives(), 400_000)
  const { dpci } = await nsPerTurn({ dpci: cycles }, 100_000)
  const c = runReference()
  print([
    row('lock + unlock', 'ns', own.lock, 'C', c?.lock, { atMost: 2 }),
    row('bit set + clear', 'ns', own.bits, 'C', c?.bits, { atMost: 2 }),
    row('list add + del, plain', 'ns', own.list, 'C', c?.list, { atMost: 1.5 }),
    row('dpci cycle', 'ns', dpci, 'C', c?.dpci, { atMost: 2.3 }),
    row('tasklet cycle', 'ns', tasklet, 'C', c?.tasklet),
    row('dpci cycle', 'ns', dpci, 'tasklet cycle', tasklet),
  ])
}

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
      for (let i = 0; i < n; i++) {
        testAndSetBit(3, bits)
        testAndClearBit(3, bits)
      }
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
