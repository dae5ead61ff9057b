// SPDX-License-Identifier: MIT
/**
 * Waking an idle pCPU by a vector, against bare Atomics.wait and notify between two threads: the same thread wakes both,
 * in turn.
 */
import { Worker } from 'node:worker_threads'
import { createSharedMemory } from '@bottomhalf/machine/provide'
import { startMachine } from '@bottomhalf/threads'
import { print, quick, row, summary } from '../measure.mjs'

const ROUNDS = quick ? 3 : 7
const WAKES = quick ? 150 : 400
const GAP_MS = 0.5

const ours = []
const bare = []
for (let round = 0; round < ROUNDS; round++) {
  const latencies = await wakes()
  ours.push(summary(latencies.machine).typical / 1e3)
  bare.push(summary(latencies.bare).typical / 1e3)
}
print([row('idle wake-up, p50', 'us', summary(ours), 'bare wait/notify', summary(bare), { atMost: 1.1 })])

async function wakes() {
  const url = (name) => new URL(`../machines/${name}.mjs`, import.meta.url)
  const words = new Int32Array(new SharedArrayBuffer(64))
  const waiter = new Worker(url('bareWaiter'), { workerData: words.buffer })
  while (Atomics.load(words, 2) === 0) await new Promise((resolve) => { setTimeout(resolve, 2) })
  const memory = createSharedMemory(1024 * 1024)
  const machine = startMachine({ cpus: 1, entry: url('wakeup'), cpuMain: 'benchWakeup', trace: false, memory })
  const agent = await machine.startAgent({ module: url('waker'), data: { count: WAKES, gapMs: GAP_MS, bare: words.buffer } })
  const latencies = await agent.done
  const outcome = await machine.stop()
  await waiter.terminate()
  if (outcome.reason !== 'requested' || latencies === undefined) throw new Error(outcome.message)
  return latencies
}
