// SPDX-License-Identifier: MIT
/** Threads that explore parts of a search. They end with the thread that started them. */
import { MessageChannel, Worker } from 'node:worker_threads'
import type { Helper, SubtreeResult } from '@bottomhalf/checker'
import type { PartsJob } from './job.js'

/** Start so many threads for parts of a search. Each loads its subject itself. */
export function startHelpers(count: number, parts: PartsJob): Helper[] {
  return Array.from({ length: count }, (): Helper => {
    // a form of the protocol listens to the thread's own port
    const { port1: here, port2: port } = new MessageChannel()
    const workerData = { parts, port }
    const worker = new Worker(new URL('./worker.js', import.meta.url), { workerData, transferList: [port] })
    return {
      explore: (part) => new Promise<SubtreeResult>((resolve, reject) => {
        here.removeAllListeners('message').once('message', resolve)
        worker.removeAllListeners('error').once('error', reject)
        here.postMessage(part)
      }),
    }
  })
}
