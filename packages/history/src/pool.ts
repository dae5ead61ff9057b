// SPDX-License-Identifier: MIT
/**
 * Jobs for forms over several threads. A thread has one form: it does that form's jobs, and helps where most are left when
 * no form waits for its first thread.
 *
 * PL1  Results stand in the order of the jobs, whoever did them.
 */
import { availableParallelism } from 'node:os'
import { FormThread } from './thread.js'

/** `file` is what `linkForm` wrote. */
interface FormJob { readonly file: string }

/** Do all jobs; rejects with the first error, when everybody has stopped. */
export async function overThreads<J extends FormJob, R>(
  jobs: readonly J[], run: (thread: FormThread, job: J) => Promise<R>, workers = availableParallelism(),
): Promise<R[]> {
  const results: R[] = []
  const queues = queuesOf(jobs)
  const work = async (): Promise<void> => {
    for (let queue = queues.take(); queue !== undefined; queue = queues.take()) {
      const thread = new FormThread(queue.file)
      try {
        for (let i = queue.jobs.shift(); i !== undefined; i = queue.jobs.shift()) {
          results[i] = await run(thread, jobs[i]!)
        }
      } catch (error) {
        queues.drop()
        throw error
      } finally {
        await thread.end()
      }
    }
  }
  const ends = await Promise.allSettled(Array.from({ length: Math.min(workers, jobs.length) }, work))
  for (const end of ends) if (end.status === 'rejected') throw end.reason
  return results
}

interface Queue { readonly file: string, readonly jobs: number[], isBegun: boolean }

function queuesOf(jobs: readonly FormJob[]) {
  const files = [...new Set(jobs.map(({ file }) => file))]
  const queues = files.map((file): Queue =>
    ({ file, jobs: jobs.flatMap((job, i) => job.file === file ? [i] : []), isBegun: false }))
  return {
    /** A form that nobody has begun, the one with most jobs first; else the one with most jobs left. */
    take: (): Queue | undefined => {
      const open = queues.filter((queue) => queue.jobs.length > 0)
      const fresh = open.filter(({ isBegun }) => !isBegun)
      const [most] = (fresh.length > 0 ? fresh : open).sort((a, b) => b.jobs.length - a.jobs.length)
      if (most !== undefined) most.isBegun = true
      return most
    },
    drop: (): void => { for (const queue of queues) queue.jobs.length = 0 },
  }
}
