// SPDX-License-Identifier: MIT
/** The same need met by packages that people use today: a lock between threads, a round trip to a thread. */
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { formatMemory, setCurrentCpu, xzalloc } from '@bottomhalf/machine'
import { SpinLock, lockClass, spinLock, spinLockInit, spinUnlock } from '@bottomhalf/spinlock'
import Piscina from 'piscina'
import { nsPerTurn, print, quick, row, summary } from '../measure.mjs'

// the peer reads navigator, which Node has from 21 on
globalThis.navigator ??= { hardwareConcurrency: availableParallelism() }
const { Mutex } = await import('multithreading')

const peerLock = lockClass('benchPeer')
formatMemory({ cpus: 1 })
setCurrentCpu(0)
const lock = xzalloc(SpinLock.sizeWords, SpinLock.tag)
spinLockInit(lock, peerLock)
const mutex = new Mutex()

const ours = await nsPerTurn({
  lock: (n) => {
    for (let i = 0; i < n; i++) {
      spinLock(lock)
      spinUnlock(lock)
    }
  },
})

print([
  row('uncontended lock + unlock', 'ns', ours.lock, 'multithreading Mutex', peerMutex()),
  await roundTrips(),
])

function peerMutex() {
  const figures = []
  for (let round = 0; round < (quick ? 5 : 15); round++) {
    const start = process.hrtime.bigint()
    for (let i = 0; i < 5000; i++) {
      const guard = mutex.blockingLock()
      guard.dispose()
    }
    figures.push(Number(process.hrtime.bigint() - start) / 5000)
  }
  return summary(figures)
}

/** A word answered by a spinning thread, against a task of a thread pool. */
async function roundTrips() {
  const words = new Int32Array(new SharedArrayBuffer(64))
  const echo = new Worker(new URL('../machines/echo.mjs', import.meta.url), { workerData: words.buffer })
  while (Atomics.load(words, 1) !== -1) await new Promise((resolve) => { setTimeout(resolve, 2) })
  const spin = samples(() => {
    const next = Atomics.add(words, 0, 1) + 1
    while (Atomics.load(words, 1) !== next) { /* the other thread answers */ }
  })
  await echo.terminate()
  const pool = new Piscina({ filename: new URL('../machines/task.mjs', import.meta.url).href, minThreads: 1, maxThreads: 1 })
  await pool.run(1)
  const piscina = []
  for (let i = 0; i < (quick ? 500 : 2000); i++) {
    const start = process.hrtime.bigint()
    await pool.run(i)
    piscina.push(Number(process.hrtime.bigint() - start) / 1e3)
  }
  await pool.destroy()
  return row('round trip, spinning thread', 'us', summary(spin), 'piscina', summary(piscina))
}

function samples(once) {
  const figures = []
  for (let i = 0; i < 5000; i++) {
    const start = process.hrtime.bigint()
    once()
    figures.push(Number(process.hrtime.bigint() - start) / 1e3)
  }
  return figures
}
