// SPDX-License-Identifier: MIT
/** The timers that are set, for checks at rest. */
import { cpuArea, ld } from '@bottomhalf/machine'
import { Timer, Timers, type TimerRef } from './state.js'

/** All timers that are set on a CPU, in no order. Context: at rest, nothing runs. */
export function timersSetOn(cpu: number): TimerRef[] {
  const found: TimerRef[] = []
  const left: TimerRef[] = [ld(cpuArea(cpu, Timers) + Timers.root)]
  for (let t = left.pop(); t !== undefined; t = left.pop()) {
    if (t === 0) continue
    found.push(t)
    left.push(ld(t + Timer.child), ld(t + Timer.sibling))
  }
  return found
}
