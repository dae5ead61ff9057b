// SPDX-License-Identifier: MIT
/**
 * The thread of one CPU: bind the memory, load the machine's code, be the CPU until its main function ends.
 *
 * The memory is handed in before anything of the machine is loaded: it binds at load. Whatever this thread throws stops
 * the machine at once from here, so that no other CPU spins for it until the starter has heard of it.
 */
import { provideMemory } from '@bottomhalf/machine/provide'
import { parentPort, workerData } from 'node:worker_threads'
import type * as MachineModule from '@bottomhalf/machine'
import { asThrown, CpuState, openGate, passGate, setCpuState } from './control.js'
import type { CpuStart, WorkerMessage } from './control.js'

type Machine = typeof MachineModule
/** What the entry module may export; see `MachineEntry` of machine.ts. */
interface Entry { boot?: (data: unknown) => void, report?: (cpu: number, data: unknown) => unknown }

const start = workerData as CpuStart
const { cpu, control, data } = start

provideMemory(start.memory)
await runCpu()
// handles that the entry module left open do not keep a CPU's thread alive
process.exit()

async function runCpu(): Promise<void> {
  const loaded = await attempt(load)
  if (loaded === undefined) return
  const { machine, entry } = loaded
  await attempt(() => {
    if (!comeOnline(machine, entry)) return
    runMain(machine)
    post({ kind: 'ended', value: entry.report?.(cpu, data) })
  }, machine)
}

async function load(): Promise<{ machine: Machine, entry: Entry }> {
  const entry = await import(start.entry) as Entry
  const machine = await import('@bottomhalf/machine')
  setCpuState(control, cpu, CpuState.Loaded)
  return { machine, entry }
}

/** CPU 0 lays out and boots; the others check that they have the same code. False: the start was given up. */
function comeOnline(machine: Machine, entry: Entry): boolean {
  if (cpu === 0) {
    if (start.format === undefined) machine.attachMemory()
    else machine.formatMemory(start.format)
    machine.setCurrentCpu(0)
    requireMain(machine)
    post({ kind: 'booted', names: namesOf(machine) })
    entry.boot?.(data)
    if (!openGate(control)) return unwound()
  } else {
    if (!passGate(control)) return unwound()
    machine.attachMemory()
    machine.setCurrentCpu(cpu)
  }
  setCpuState(control, cpu, CpuState.Online)
  post({ kind: 'online' })
  return true
}

function runMain(machine: Machine): void {
  try {
    machine.callHandler(requireMain(machine), cpu)
    setCpuState(control, cpu, CpuState.Returned)
  } catch (error) {
    if (!(error instanceof machine.MachineStopped)) throw error
    unwound()
  }
}

function requireMain(machine: Machine): number {
  const id = machine.handlerIdOf(start.cpuMain)
  if (id === 0) throw new Error(`${start.entry} registers no handler ${start.cpuMain}`)
  return id
}

function namesOf(machine: Machine): { structs: Record<number, string>, handlers: string[] } {
  const structs = Object.fromEntries(machine.declaredStructs().map(({ tag, structName }) => [tag, structName]))
  return { structs, handlers: machine.handlerNames() }
}

function unwound(): false {
  setCpuState(control, cpu, CpuState.Unwound)
  return false
}

async function attempt<T>(action: () => T | Promise<T>, machine?: Machine): Promise<T | undefined> {
  try {
    return await action()
  } catch (error) {
    machine?.requestStop(machine.Stop.Bug)
    setCpuState(control, cpu, CpuState.Failed)
    post({ kind: 'failed', thrown: asThrown(error) })
    return undefined
  }
}

function post(message: WorkerMessage): void {
  parentPort?.postMessage(message)
}
