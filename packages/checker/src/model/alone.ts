// SPDX-License-Identifier: MIT
/**
 * Runs a function of a model alone on CPU 0, each operation at once: what it does before its threads begin, and how it
 * looks at an end.
 *
 * AL1  A look leaves memory as it found it.
 */
import { Op, properties, READS, WRITES } from '../op.js'
import type { MachinePort } from './port.js'

/** The machine's words of a CPU's area. */
const MACHINE_WORDS = { base: 0 }

/** The function's result. Throws if it waits for something, or breaks. */
export function runAlone<T>(port: MachinePort, fn: () => T): T {
  const { engine } = port
  drive(port, (op, a, b, c) => { engine.setStepResult(engine.perform(op as 0, a, b, c, engine.stepTime())) })
  return resultOf(fn())
}

/** The same, with every word put back that it wrote (AL1). It may neither allocate nor free. `reads` is told what it reads. */
export function lookAlone<T>(port: MachinePort, fn: () => T, reads: (address: number) => void): T {
  const { machine, engine } = port
  const memory = engine.memoryWords
  const log: number[] = []
  const keep = (address: number): void => { log.push(address, memory[address] ?? 0) }
  const area = machine.cpuArea(0, MACHINE_WORDS)
  keep(area + machine.Cpu.irqEnabled)
  keep(area + machine.Cpu.irqNesting)
  memory[area + machine.Cpu.irqEnabled] = 1
  memory[area + machine.Cpu.irqNesting] = 0
  drive(port, (op, a, b, c) => {
    if (op === Op.Xmalloc || op === Op.Xfree || op === Op.RaiseVector || op === Op.SetDeadline) {
      throw new Error('a look at an end allocates, frees or calls a CPU')
    }
    if ((properties[op]! & WRITES) !== 0) keep(a)
    if (op === Op.StTime) keep(a + 1)
    if ((properties[op]! & READS) !== 0) reads(a)
    if (op === Op.LdTime) reads(a + 1)
    engine.setStepResult(engine.perform(op as 0, a, b, c, engine.stepTime()))
  })
  try {
    return resultOf(fn())
  } finally {
    for (let at = log.length - 2; at >= 0; at -= 2) memory[log[at]!] = log[at + 1]!
  }
}

function drive(port: MachinePort, perform: (op: number, a: number, b: number, c: number) => void): void {
  port.engine.setEngine({
    begin: (op, a, b, c) => {
      refuseToWait(port, op, a, b, c)
      perform(op, a, b, c)
      return false
    },
    currentCpu: () => 0,
    nowNs: () => 0,
  })
}

function resultOf<T>(started: T): T {
  if (!isGenerator<T>(started)) return started
  const { done, value } = started.next()
  if (done !== true) throw new Error('it stopped before it was done')
  return value
}

function isGenerator<T>(value: unknown): value is Generator<unknown, T> {
  return typeof value === 'object' && value !== null && Symbol.iterator in value && 'next' in value
}

function refuseToWait({ engine }: MachinePort, op: number, a: number, b: number, c: number): void {
  if (op === Op.Halt) throw new Error('it sleeps, and nobody else runs')
  const waits = op === Op.AwaitWord && !engine.awaitSatisfied(engine.memoryWords[a] ?? 0, b as 0, c)
  if (waits) throw new Error(`it waits for word ${a}, and nobody else runs`)
}
