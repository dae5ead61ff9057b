// SPDX-License-Identifier: MIT
/** The yardstick: a thread that waits on a word with Atomics.wait and answers with the time at which it woke. */
import { workerData } from 'node:worker_threads'

const words = new Int32Array(workerData)
Atomics.store(words, 2, 1)
for (let seen = 0; seen >= 0;) {
  Atomics.wait(words, 0, seen)
  const now = Atomics.load(words, 0)
  if (now === seen) continue
  const [seconds, ns] = process.hrtime()
  Atomics.store(words, 3, (seconds * 1e9 + ns) | 0)
  Atomics.store(words, 1, now)
  seen = now
}
