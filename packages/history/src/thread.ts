// SPDX-License-Identifier: MIT
/** The thread of a form: jobs one after the other. */
import { Worker } from 'node:worker_threads'
import type { Followed } from '@bottomhalf/checker'
import type { SituationCost } from './costs.js'
import { COUNT, type Explored, type Job, type Outcome } from './job.js'

export class FormThread {
  private readonly worker: Worker

  /** @param file what `linkForm` wrote */
  constructor(file: string) {
    this.worker = new Worker(file, { execArgv: ['--conditions=stepped'] })
  }

  /** Explore a model. Rejects if the model or the form cannot be run. */
  async explore(job: Job): Promise<Explored> {
    const outcome = await this.ask(job)
    if (outcome.kind !== 'explored') throw new Error(outcome.kind === 'failed' ? outcome.message : 'the thread answered something else')
    return outcome.result
  }

  /** Run a schedule again; answers the violation that it ends in. Rejects where the form does something else now. */
  async replay(job: Job): Promise<Extract<Outcome, { kind: 'replayed' }>['violation']> {
    const outcome = await this.ask(job)
    if (outcome.kind !== 'replayed') throw new Error(outcome.kind === 'failed' ? outcome.message : 'the thread answered something else')
    return outcome.violation
  }

  /** Run the choices of another form's schedule. */
  async follow(job: Job): Promise<Followed> {
    const outcome = await this.ask({ ...job, follow: true })
    if (outcome.kind !== 'followed') throw new Error(outcome.kind === 'failed' ? outcome.message : 'the thread answered something else')
    return outcome
  }

  /** Count what a delivery costs with the form. */
  async count(): Promise<readonly SituationCost[]> {
    const outcome = await this.ask(COUNT)
    if (outcome.kind !== 'counted') throw new Error(outcome.kind === 'failed' ? outcome.message : 'the thread answered something else')
    return outcome.costs
  }

  async end(): Promise<void> {
    await this.worker.terminate()
  }

  private async ask(job: Job | typeof COUNT): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      const { worker } = this
      const settle = (act: () => void): void => {
        worker.removeAllListeners('message').removeAllListeners('error')
        act()
      }
      worker.once('message', (outcome: Outcome) => { settle(() => { resolve(outcome) }) })
      worker.once('error', (error) => { settle(() => { reject(error) }) })
      worker.postMessage(job)
    })
  }
}
