// SPDX-License-Identifier: MIT
/** A worker thread with a beginning and an end: what it says, when it is gone, and whether it went in order. */
import { Worker } from 'node:worker_threads'
import type { ResourceLimits } from 'node:worker_threads'
import type { Thrown, WorkerMessage, WorkerStart } from './control.js'
import { asThrown } from './control.js'

export interface Thread {
  readonly name: string
  readonly worker: Worker
  /** Resolves when the thread is gone. */
  readonly exited: Promise<void>
  /** It is gone. */
  ended: boolean
  onMessage: (message: WorkerMessage) => void
  /** It is gone and neither ended nor failed by its own account. */
  onLost: (thrown: Thrown) => void
}

export interface ThreadOptions {
  readonly conditions?: readonly string[]
  readonly resourceLimits?: ResourceLimits
}

/**
 * Start one of this package's worker files. Of the process's own flags none is passed on: they may not be allowed in
 * workers, and conditions decide which build of the machine is loaded.
 */
export function startThread(file: string, name: string, start: WorkerStart, options: ThreadOptions): Thread {
  const { conditions = [], resourceLimits } = options
  // beside the built index.js, from the sources (in tests) too
  const worker = new Worker(new URL(`../dist/${file}`, import.meta.url), {
    name,
    workerData: start,
    execArgv: conditions.map((condition) => `--conditions=${condition}`),
    ...resourceLimits === undefined ? {} : { resourceLimits },
  })
  let said = false
  let error: Thrown | undefined
  let gone: () => void
  const thread: Thread = {
    name, worker, ended: false,
    exited: new Promise((resolve) => { gone = resolve }),
    onMessage: () => undefined,
    onLost: () => undefined,
  }
  worker.on('message', (message: WorkerMessage) => {
    said ||= message.kind === 'ended' || message.kind === 'failed'
    thread.onMessage(message)
  })
  worker.on('error', (thrown: Error) => { error = asThrown(thrown) })
  worker.on('exit', (code) => {
    thread.ended = true
    if (!said) thread.onLost(error ?? asThrown(new Error(`its thread ended with code ${code}`)))
    gone()
  })
  return thread
}

export async function allExited(threads: readonly Thread[]): Promise<void> {
  await Promise.all(threads.map((thread) => thread.exited))
}

/** End the threads by force and wait until they are gone. */
export async function terminateAll(threads: readonly Thread[]): Promise<void> {
  await Promise.all(threads.map((thread) => thread.worker.terminate()))
  await allExited(threads)
}

/** Whether `promise` settles within `ms`. */
export async function within(ms: number, promise: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<false>((resolve) => { timer = setTimeout(() => { resolve(false) }, ms) })
  try {
    return await Promise.race([promise.then(() => true), late])
  } finally {
    clearTimeout(timer)
  }
}
