// SPDX-License-Identifier: MIT
/** What is known of a running machine. */
import { boundMemory } from '@bottomhalf/machine'
import type { SharedWasmMemory } from '@bottomhalf/machine'
import { newControl } from './control.js'
import type { Names, Thrown } from './control.js'
import type { Thread } from './thread.js'
import type { MachineOptions, Outcome } from './types.js'

/** Why and where a machine failed. */
export interface Failure {
  readonly reason: 'bug' | 'worker-lost'
  readonly cpu: number | undefined
  readonly agent: string | undefined
  readonly thrown: Thrown
}

export interface State {
  readonly options: MachineOptions
  readonly graceMs: number
  readonly memory: SharedWasmMemory
  readonly words: Int32Array
  readonly control: Int32Array
  readonly cpus: Thread[]
  readonly agents: Thread[]
  /** By CPU. */
  readonly reports: unknown[]
  readonly online: Deferred<undefined>
  readonly stopped: Deferred<Outcome>
  onlineCount: number
  names: Names | undefined
  failure: Failure | undefined
  goingDown: boolean
  /** Asked to stop before all CPUs were online, and not all answered. */
  startGivenUp: boolean
}

/** A promise that others settle. */
export interface Deferred<T> {
  readonly promise: Promise<T>
  resolve(value: T): void
  reject(error: Error): void
}

const DEFAULT_GRACE_MS = 500

export function newState(options: MachineOptions): State {
  const memory = options.memory ?? boundMemory()
  const online = deferred<undefined>()
  // a caller that only looks at `stopped` must not die of a rejection it did not ask for
  online.promise.catch(() => undefined)
  return {
    options, graceMs: options.graceMs ?? DEFAULT_GRACE_MS,
    memory, words: new Int32Array(memory.buffer), control: newControl(options.cpus),
    cpus: [], agents: [], reports: Array<unknown>(options.cpus).fill(undefined),
    online, stopped: deferred<Outcome>(),
    onlineCount: 0, names: undefined, failure: undefined, goingDown: false, startGivenUp: false,
  }
}

export function deferred<T>(): Deferred<T> {
  let resolve: (value: T) => void = () => undefined
  let reject: (error: Error) => void = () => undefined
  const promise = new Promise<T>((whenResolved, whenRejected) => {
    resolve = whenResolved
    reject = whenRejected
  })
  return { promise, resolve, reject }
}
