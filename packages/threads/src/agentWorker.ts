// SPDX-License-Identifier: MIT
/**
 * The thread of an agent: something that is no CPU and works on the machine's memory, a device for example. It loads the
 * machine's code first, so that its layout is the machine's, and then its own module.
 */
import { provideMemory } from '@bottomhalf/machine/provide'
import { parentPort, workerData } from 'node:worker_threads'
import type * as Machine from '@bottomhalf/machine'
import { asThrown, Control } from './control.js'
import type { AgentStart, WorkerMessage } from './control.js'

type Run = (context: { data: unknown, stopping: () => boolean, pause: (ms: number) => boolean }) => unknown

const start = workerData as AgentStart
const { control, data } = start

provideMemory(start.memory)
await runAgent()
process.exit()

async function runAgent(): Promise<void> {
  try {
    await import(start.entry)
    const module = await import(start.module) as Record<string, Run | undefined>
    const machine = await import('@bottomhalf/machine')
    machine.attachMemory()
    const run = module[start.exportName]
    if (run === undefined) throw new Error(`${start.module} exports no function ${start.exportName}`)
    post({ kind: 'online' })
    post({ kind: 'ended', value: await endOf(machine, run) })
  } catch (error) {
    post({ kind: 'failed', thrown: asThrown(error) })
  }
}

/** What the agent returned; undefined if it was unwound because the machine stops. */
async function endOf(machine: typeof Machine, run: Run): Promise<unknown> {
  try {
    return await run({ data, stopping, pause })
  } catch (error) {
    if (error instanceof machine.MachineStopped) return undefined
    throw error
  }
}

function stopping(): boolean {
  return Atomics.load(control, Control.agentsStop) !== 0
}

function pause(ms: number): boolean {
  Atomics.wait(control, Control.agentsStop, 0, ms)
  return stopping()
}

function post(message: WorkerMessage): void {
  parentPort?.postMessage(message)
}
