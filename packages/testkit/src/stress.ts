// SPDX-License-Identifier: MIT
/**
 * Real threads on this thread's memory, for stress tests.
 *
 *     formatMemory({ cpus: 4 })
 *     const { results } = await stressThreads({
 *       threads: 4, module: new URL('./counter.threads.ts', import.meta.url), export: 'count', args: [lock, 10_000],
 *     })
 *
 * Each thread is a CPU (0, 1, ...) unless `asCpus` is false. A module in TypeScript is bundled with its relative imports;
 * packages stay imports and so are the built ones. The module must load the same structs, areas and handlers as the
 * test: the layout hash is compared.
 */
import { boundMemory, requestStop, Stop } from '@bottomhalf/machine'
import { Worker } from 'node:worker_threads'
import { loadable } from './bundle.js'

export interface StressOptions {
  readonly threads: number
  /** The module to load in each thread. */
  readonly module: URL
  /** Its function to call, as `fn(index, ...args)`. What it returns (data) is the thread's result. */
  readonly export: string
  readonly args?: readonly unknown[]
  /** Thread `index` is CPU `index`. Default: true. */
  readonly asCpus?: boolean
  /** Index of the first thread, if this thread is a CPU itself. Default: 0. */
  readonly firstIndex?: number
  /** Node conditions for the threads, `tasklet` for example. */
  readonly conditions?: readonly string[]
  /** The threads hang if they need longer: they are ended, and the result says so. Default: 60 000. */
  readonly timeoutMs?: number
  /** Called when all threads stand at their start, before they run. */
  readonly onStart?: () => void
}

export interface StressResult {
  /** By thread; undefined where it failed or hung. */
  readonly results: readonly unknown[]
  /** What threads threw, and threads that hung. Empty when all went well. */
  readonly failures: readonly string[]
}

/** Run the threads to their end. Never rejects for what threads do: see `failures`. */
export async function stressThreads(options: StressOptions): Promise<StressResult> {
  const { threads, firstIndex = 0, timeoutMs = 60_000 } = options
  const { href: module } = await loadable(options.module, options.conditions)
  const gate = new Int32Array(new SharedArrayBuffer(8))
  const failures: string[] = []
  const workers = Array.from({ length: threads }, (_, i) => startThread(options, module, gate, firstIndex + i))
  const timer = setTimeout(() => {
    failures.push(`${threads} threads: no end within ${timeoutMs} ms`)
    endHanging(workers.map(({ worker }) => worker))
  }, timeoutMs)
  const ends = await Promise.all(workers.map(({ end }) => end))
  clearTimeout(timer)
  for (const { index, error } of ends) if (error !== undefined) failures.push(`thread ${index}: ${error}`)
  return { results: ends.map(({ value }) => value), failures }
}

interface End { readonly index: number, readonly value?: unknown, readonly error?: string }
type Message =
  { readonly kind: 'ready' } |
  { readonly kind: 'done', readonly value: unknown } |
  { readonly kind: 'threw', readonly error: string }
interface Thread { readonly worker: Worker, readonly end: Promise<End> }

function startThread(options: StressOptions, module: string, gate: Int32Array, index: number): Thread {
  const { threads, asCpus = true, args = [], conditions = [], onStart } = options
  const worker = new Worker(new URL('../dist/stressWorker.js', import.meta.url), {
    workerData: { memory: boundMemory(), gate, module, name: options.export, args, index, cpu: asCpus ? index : -1 },
    execArgv: conditions.map((condition) => `--conditions=${condition}`),
  })
  const end = new Promise<End>((resolve) => {
    let last: End = { index, error: 'ended without a result' }
    worker.on('message', (message: Message) => {
      if (message.kind === 'ready') openGate(gate, threads, onStart)
      else last = message.kind === 'done' ? { index, value: message.value } : { index, error: message.error }
    })
    worker.on('error', (error: Error) => { last = { index, error: error.stack ?? error.message } })
    worker.on('exit', () => {
      // a thread that ended early must not keep the others at the gate
      openGate(gate, 0)
      resolve(last)
    })
  })
  return { worker, end }
}

/** All threads start together: with the gate at 1 they run. */
function openGate(gate: Int32Array, threads: number, onStart?: () => void): void {
  if (Atomics.add(gate, 1, 1) + 1 < threads) return
  if (threads > 0) onStart?.()
  Atomics.store(gate, 0, 1)
  Atomics.notify(gate, 0)
}

function endHanging(workers: readonly Worker[]): void {
  requestStop(Stop.Bug)
  for (const worker of workers) void worker.terminate()
}
