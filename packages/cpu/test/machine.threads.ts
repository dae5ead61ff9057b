// SPDX-License-Identifier: MIT
/** What the threads of the stress tests run: calls between CPUs, CPUs that come and go. */
import {
  fetchAdd, global, handler, haltUntilInterrupt, irqDisable, irqEnable, load, store, word, cpuRelax, currentCpu,
} from '@bottomhalf/machine'
import { cpuDown, cpuPark, cpuUp, onCpu, onlineMask, onSelectedCpus, sendEventCheck, thisCpuOnline } from '../src/index.js'

export const Stress = global('cpuStress', { called: word, finished: word, stop: word })

const called = handler('cpuStress.called', () => { fetchAdd(Stress.base + Stress.called, 1) })

/** Call the other CPUs, one or all of them, `rounds` times; serve their calls until all have finished. */
export function callOthers(index: number, cpus: number, rounds: number): number {
  let expected = 0
  irqEnable()
  for (let i = 0; i < rounds; i++) {
    if (i % 8 === 0) {
      onSelectedCpus(onlineMask(), called, 0, true)
      expected += cpus
    } else {
      onCpu((index + 1 + i) % cpus, called, 0, i % 3 !== 0)
      expected++
    }
  }
  fetchAdd(Stress.base + Stress.finished, 1)
  while (load(Stress.base + Stress.finished) < cpus) cpuRelax()
  return expected
}

/** CPU 0 takes the others down and up again; they idle or park. Returns how many operations failed. */
export function comeAndGo(index: number, cpus: number, rounds: number): number {
  if (index !== 0) return foot()
  let failures = 0
  irqEnable()
  for (let i = 0; i < rounds; i++) {
    const cpu = 1 + i % (cpus - 1)
    if (cpuDown(cpu) !== 0) failures++
    if (cpuUp(cpu) !== 0) failures++
  }
  store(Stress.base + Stress.stop, 1)
  for (let cpu = 1; cpu < cpus; cpu++) sendEventCheck(cpu)
  return failures
}

/** How often this CPU was parked, in the end. */
function foot(): number {
  let parked = 0
  for (;;) {
    irqDisable()
    if (load(Stress.base + Stress.stop) !== 0) return parked
    if (thisCpuOnline()) haltUntilInterrupt()
    else cpuPark()
    if (currentCpu() > 0 && !thisCpuOnline()) parked++
  }
}
