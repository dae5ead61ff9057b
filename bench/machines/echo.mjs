// SPDX-License-Identifier: MIT
/** A thread that answers a word as soon as it changes. */
import { workerData } from 'node:worker_threads'

const words = new Int32Array(workerData)
Atomics.store(words, 1, -1)
for (let seen = 0; ;) {
  const now = Atomics.load(words, 0)
  if (now === seen) continue
  Atomics.store(words, 1, now)
  seen = now
}
