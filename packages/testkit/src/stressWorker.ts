// SPDX-License-Identifier: MIT
/** The start of a thread of `stressThreads`: bind the memory, load the module, be a CPU, wait at the gate, run. */
import { provideMemory } from '@bottomhalf/machine/provide'
import type { SharedWasmMemory } from '@bottomhalf/machine/provide'
import { parentPort, workerData } from 'node:worker_threads'

interface Start {
  readonly memory: SharedWasmMemory
  readonly gate: Int32Array
  readonly module: string
  readonly name: string
  readonly args: readonly unknown[]
  readonly index: number
  readonly cpu: number
}

type Entry = (index: number, ...args: readonly unknown[]) => unknown

const { memory, gate, module, name, args, index, cpu } = workerData as Start

provideMemory(memory)
try {
  const loaded = await import(module) as Record<string, Entry | undefined>
  const { attachMemory, setCurrentCpu } = await import('@bottomhalf/machine')
  attachMemory()
  setCurrentCpu(cpu)
  const entry = loaded[name]
  if (entry === undefined) throw new Error(`${module} exports no ${name}`)
  parentPort?.postMessage({ kind: 'ready' })
  Atomics.wait(gate, 0, 0)
  parentPort?.postMessage({ kind: 'done', value: await entry(index, ...args) })
} catch (error) {
  parentPort?.postMessage({ kind: 'threw', error: error instanceof Error ? error.stack : String(error) })
}
