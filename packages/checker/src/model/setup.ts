// SPDX-License-Identifier: MIT
/** Runs a function alone on CPU 0, each operation at once: what a model does before its threads begin. */
import { Op } from '../op.js'
import type { MachinePort } from './port.js'

/** The function's result. Throws if it waits for something, or breaks. */
export function runAlone<T>(port: MachinePort, fn: () => T): T {
  const { engine } = port
  engine.setEngine({
    begin: (op, a, b, c) => {
      refuseToWait(port, op, a, b, c)
      engine.setStepResult(engine.perform(op, a, b, c, engine.stepTime()))
      return false
    },
    currentCpu: () => 0,
    nowNs: () => 0,
  })
  const started: unknown = fn()
  if (typeof started !== 'object' || started === null || !(Symbol.iterator in started) || !('next' in started)) return started as T
  const { done, value } = (started as Generator<unknown, T>).next()
  if (done !== true) throw new Error('setup stopped before it was done')
  return value
}

function refuseToWait({ engine }: MachinePort, op: number, a: number, b: number, c: number): void {
  if (op === Op.Halt) throw new Error('setup sleeps: nobody else runs yet')
  const waits = op === Op.AwaitWord && !engine.awaitSatisfied(engine.memoryWords[a] ?? 0, b as 0, c)
  if (waits) throw new Error(`setup waits for word ${a}: nobody else runs yet`)
}
