// SPDX-License-Identifier: MIT
/** Operations by name, for tests that assert how many of each a function performs. */
import { Op } from '@bottomhalf/machine/engine'

/** How often each operation was performed, by its name in the contract; those that were not are absent. */
export type OperationCounts = Partial<Record<string, number>>

const names = Object.entries(Op).map(([name, op]) => ({ op, name: nameInContract(name) }))

/** A counter per operation. */
export function newCounts(): Int32Array {
  return new Int32Array(names.length)
}

/** Counters as a plain object, less an earlier reading. */
export function readCounts(counts: Int32Array, before?: Int32Array): OperationCounts {
  const result: OperationCounts = {}
  for (const { op, name } of names) {
    const n = (counts[op] ?? 0) - (before?.[op] ?? 0)
    if (n !== 0) result[name] = n
  }
  return result
}

/** The name of an operation in the contract. */
export function operationName(op: Op): string {
  return names.find((entry) => entry.op === op)?.name ?? `op ${op}`
}

function nameInContract(name: string): string {
  return name === 'Halt' ? 'haltUntilInterrupt' : name.charAt(0).toLowerCase() + name.slice(1)
}
