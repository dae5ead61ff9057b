// SPDX-License-Identifier: MIT
/**
 * Runs models of one form, one after the other, in a thread of its own: a thread has one machine, and one form. A thread
 * that has other work imports the makers.
 */
import { parentPort } from 'node:worker_threads'
import { explore, followModel, replayModel, type Exploration } from '@bottomhalf/checker'
import { costsHere } from './costs.js'
import { COUNT, type Explored, type Job, type Outcome } from './job.js'
import { makers } from './models/registry.js'

export { makers }

parentPort?.on('message', (job: Job | typeof COUNT) => {
  void run(job).then((outcome) => { parentPort?.postMessage(outcome) })
})

/** What can be sent to another thread. */
function plain(result: Exploration): Explored {
  return JSON.parse(JSON.stringify({ ...result, checkpoint: undefined })) as Explored
}

async function run(job: Job | typeof COUNT): Promise<Outcome> {
  try {
    if (job === COUNT) return { kind: 'counted', costs: await costsHere() }
    const make = makers[job.model]
    if (make === undefined) throw new RangeError(`no model ${job.model}`)
    const model = make(job.values)
    if (job.schedule !== undefined && job.follow === true) {
      return { kind: 'followed', ...await followModel(model, job.schedule, job.options) }
    }
    if (job.schedule !== undefined) {
      const { violation } = await replayModel(model, job.schedule, job.options)
      return { kind: 'replayed', violation }
    }
    return { kind: 'explored', result: plain(await explore(model, job.options)) }
  } catch (error) {
    return { kind: 'failed', message: error instanceof Error ? error.message : String(error) }
  }
}
