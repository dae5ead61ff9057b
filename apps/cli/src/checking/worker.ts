// SPDX-License-Identifier: MIT
/** The thread that searches (see `job.ts`), or explores parts for one that does. */
import { parentPort, workerData, type MessagePort } from 'node:worker_threads'
import type { Subtree } from '@bottomhalf/checker'
import { failureOf } from '../failure.js'
import type { Job, Message, PartsJob } from './job.js'
import { partExplorer, work } from './work.js'

const data = workerData as { job: Job, stop: Int32Array } | { parts: PartsJob, port: MessagePort }
const post = (message: Message): void => { parentPort?.postMessage(message) }

if ('parts' in data) {
  const explore = await partExplorer(data.parts)
  data.port.on('message', (part: Subtree) => { data.port.postMessage(explore(part)) })
} else {
  await answer(data)
}

async function answer({ job, stop }: { job: Job, stop: Int32Array }): Promise<void> {
  try {
    const outcome = await work(job, {
      progress: (progress) => { post({ kind: 'progress', progress }) },
      stop: () => Atomics.load(stop, 0) !== 0,
    })
    post({ kind: 'done', outcome })
  } catch (error) {
    post({ kind: 'failed', ...failureOf(error) })
  }
}
