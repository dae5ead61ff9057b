// SPDX-License-Identifier: MIT
/** Waking an idle pCPU by a vector, against bare Atomics.wait and notify between two threads. Medians of rounds. */
import { Worker } from 'node:worker_threads'
import { createSharedMemory } from '@bottomhalf/machine/provide'
import { startMachine } from '@bottomhalf/threads'
import { print, quick, row, summary } from '../measure.mjs'

const WAKES = quick ? 150 : 400
const GAP_MS = 0.5
const ours = []
const bare = []
for (let round = 0; round < (quick ? 3 : 7); round++) {
  ours.push(summary(await machineWakes()).typical / 1e3)
  bare.push(summary(await bareWakes()).typical / 1e3)
}
print([row('idle wake-up, p50', 'us', summary(ours), 'bare wait/notify', summary(bare), { atMost: 1.1 })])

async function machineWakes() {
  const url = (name) => new URL(`../machines/${name}.mjs`, import.meta.url)
  const memory = createSharedMemory(1024 * 1024)
  const machine = startMachine({ cpus: 1, entry: url('wakeup'), cpuMain: 'benchWakeup', trace: false, memory })
  const agent = await machine.startAgent({ module: url('waker'), data: { count: WAKES, gapMs: GAP_MS } })
  const latencies = await agent.done
  const outcome = await machine.stop()
  if (outcome.reason !== 'requested' || latencies === undefined) throw new Error(outcome.message)
  return latencies
}

async function bareWakes() {
  const words = new Int32Array(new SharedArrayBuffer(64))
  const worker = new Worker(new URL('../machines/bareWaiter.mjs', import.meta.url), { workerData: words.buffer })
  while (Atomics.load(words, 2) === 0) await new Promise((resolve) => { setTimeout(resolve, 2) })
  const latencies = []
  for (let i = 1; i <= WAKES; i++) {
    Atomics.wait(words, 4, 0, GAP_MS)
    const [seconds, ns] = process.hrtime()
    const start = (seconds * 1e9 + ns) | 0
    Atomics.store(words, 0, i)
    Atomics.notify(words, 0, 1)
    while (Atomics.load(words, 1) !== i) { /* the other thread answers */ }
    latencies.push((Atomics.load(words, 3) - start) >>> 0)
  }
  await worker.terminate()
  return latencies
}
