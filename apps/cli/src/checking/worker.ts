// SPDX-License-Identifier: MIT
/** The thread that searches (see `job.ts`). */
import { parentPort, workerData } from 'node:worker_threads'
import { failureOf } from '../failure.js'
import type { Job, Message } from './job.js'
import { work } from './work.js'

const { job, stop } = workerData as { job: Job, stop: Int32Array }
const post = (message: Message): void => { parentPort?.postMessage(message) }

try {
  const outcome = await work(job, {
    progress: (progress) => { post({ kind: 'progress', progress }) },
    stop: () => Atomics.load(stop, 0) !== 0,
  })
  post({ kind: 'done', outcome })
} catch (error) {
  post({ kind: 'failed', ...failureOf(error) })
}
