// SPDX-License-Identifier: MIT
/**
 * Accesses that meet: two CPUs are about to touch one word, one of them writes, one of them plainly. Taken one behind the
 * other they are a data race; and where there is a race, there is a state in which it meets.
 *
 * A search that stops at states it knows loses what was before them, and with it the races across (`DataRaces`). In the
 * states themselves nothing is lost.
 */
import type { Executor } from './executor.js'
import { Op, PLAIN, properties, WRITES } from './op.js'

/** Two contexts whose next accesses meet; null if there are none. */
export function meetingOf(executor: Executor): readonly [number, number] | null {
  const steps = executor.trace.steps[executor.depth]!
  for (let labels = steps; labels !== 0; labels &= labels - 1) {
    const first = 31 - Math.clz32(labels & -labels)
    const elsewhere = labels & ~executor.labelsOf[executor.cpuOf[first]!]!
    for (let others = elsewhere; others !== 0; others &= others - 1) {
      const second = 31 - Math.clz32(others & -others)
      if (meets(executor, first, second)) return [first, second]
    }
  }
  return null
}

function meets(executor: Executor, first: number, second: number): boolean {
  const { pendingOp, pendingA } = executor
  const a = pendingOp[first]!
  const b = pendingOp[second]!
  if (!isAccess(a) || !isAccess(b)) return false
  const apart = pendingA[first]! - pendingA[second]!
  if (apart >= lengthOf(b) || -apart >= lengthOf(a)) return false
  return ((properties[a]! | properties[b]!) & PLAIN) !== 0 && (writes(executor, first) || writes(executor, second))
}

const isAccess = (op: number): boolean => op < Op.SmpMb || op === Op.AwaitWord || op === Op.LdTime || op === Op.StTime

const lengthOf = (op: number): number => op === Op.LdTime || op === Op.StTime ? 2 : 1

function writes({ pendingOp, pendingA, pendingB, memory }: Executor, label: number): boolean {
  const op = pendingOp[label]!
  if (op === Op.Cmpxchg) return memory[pendingA[label]!] === pendingB[label]!
  return (properties[op]! & WRITES) !== 0
}
