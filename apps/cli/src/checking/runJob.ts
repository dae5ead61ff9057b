// SPDX-License-Identifier: MIT
/** Starts the thread that searches, and passes progress and signals on. */
import { Worker } from 'node:worker_threads'
import type { Progress } from '@bottomhalf/checker'
import { ReportedError } from '../failure.js'
import type { Job, Message, Outcome } from './job.js'

/** Models run on the stepped builds, and a stack there names the sources' lines. */
const execArgv = ['--conditions=stepped', '--enable-source-maps', '--no-warnings']

export interface JobOptions {
  readonly progress?: (progress: Progress) => void
  /** Aborts: the search stops at its next execution and answers with what it has. */
  readonly signal?: AbortSignal
}

/** Do a job. Throws `ReportedError`. */
export function runJob(job: Job, options: JobOptions = {}): Promise<Outcome> {
  const stop = new Int32Array(new SharedArrayBuffer(4))
  options.signal?.addEventListener('abort', () => { Atomics.store(stop, 0, 1) })
  const worker = new Worker(new URL('./worker.js', import.meta.url), { workerData: { job, stop }, execArgv })
  return new Promise((resolve, reject) => {
    worker.on('message', (message: Message) => {
      if (message.kind === 'progress') {
        options.progress?.(message.progress)
        return
      }
      void worker.terminate()                     // forms of the protocol wait for jobs of their own
      if (message.kind === 'done') resolve(message.outcome)
      else reject(new ReportedError(message.code, message.message))
    })
    worker.on('error', reject)
    worker.on('exit', () => { reject(new Error('the search ended without an answer')) })   // too late if it had answered
  })
}
