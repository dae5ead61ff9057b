// SPDX-License-Identifier: MIT
/** Boot, and the death of CPUs. */
import { CPU_DEAD, CpuEvent, registerCpuNotifier } from '@bottomhalf/cpu'
import { cpuArea, handler, ld, st, store, xchg } from '@bottomhalf/machine'
import { Softirq, SoftirqTable } from './state.js'
import type { SoftirqNr } from '@bottomhalf/base'
import type { CpuEventRef } from '@bottomhalf/cpu'

/** Drop what is pending on a dead CPU (SQ-7); returns what that was. Each subsystem moves its queue and raises anew. */
export function dropSoftirqs(cpu: number): number {
  store(cpuArea(cpu, Softirq) + Softirq.looking, 0)
  return xchg(cpuArea(cpu, Softirq) + Softirq.pending, 0)
}

function cpuNotifier(event: CpuEventRef): number {
  if (ld(event + CpuEvent.action) === CPU_DEAD) dropSoftirqs(ld(event + CpuEvent.cpu))
  return 0
}

const notifier = handler('softirqCpuNotifier', cpuNotifier)

/** Boot: `scheduleNr` is the one softirq that only `doSoftirq` serves (SQ-5). After `setupCpus`. */
export function setupSoftirqs(scheduleNr: SoftirqNr): void {
  st(SoftirqTable.base + SoftirqTable.onlyOutermost, 1 << scheduleNr)
  registerCpuNotifier(notifier, 0)
}
