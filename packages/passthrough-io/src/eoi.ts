// SPDX-License-Identifier: MIT
/**
 * The guest's end of interrupt, on its way to the machine.
 *
 * @xen xen/drivers/passthrough/io.c (hvm_dpci_msi_eoi)
 * Contexts  a vCPU's, from the virtual local APIC; no lock held.
 * Locks     eventLock.
 */
import type { Ref } from '@bottomhalf/base'
import { Domain, Vcpu } from '@bottomhalf/domain'
import { vmsiMatchesVcpu } from '@bottomhalf/hvm'
import { pirqGuestEoi } from '@bottomhalf/irq'
import { ld, load } from '@bottomhalf/machine'
import { currentVcpu } from '@bottomhalf/sched'
import { spinLock, spinUnlock } from '@bottomhalf/spinlock'
import { ptPirqIterate } from './iterate.js'
import { DPCI_MACH_MSI, HvmIrqDpci, HvmPirqDpci, pirqOf } from './records.js'

/**
 * The current vCPU ended `vector`: end the first mapped MSI of that vector whose destination matches it (DP-9). Most MSIs
 * wait for no EOI, so a domain that has none that does is left at once.
 */
export function hvmDpciMsiEoi(vector: number): void {
  const v = currentVcpu()
  const d = ld(v + Vcpu.domain)
  if (!waitsForEoi(d)) return
  spinLock(d + Domain.eventLock)
  ptPirqIterate(d, (dpci) => endMsi(dpci, v, vector))
  spinUnlock(d + Domain.eventLock)
}

function waitsForEoi(d: Ref<'Domain'>): boolean {
  const state = load(d + Domain.hvmIrqDpci)
  return state !== 0 && load(state + HvmIrqDpci.eoiMsis) !== 0
}

function endMsi(dpci: Ref<'HvmPirqDpci'>, v: Ref<'Vcpu'>, vector: number): number {
  if ((ld(dpci + HvmPirqDpci.flags) & DPCI_MACH_MSI) === 0 || ld(dpci + HvmPirqDpci.gvec) !== vector) return 0
  if (!vmsiMatchesVcpu(v, ld(dpci + HvmPirqDpci.gflags))) return 0
  pirqGuestEoi(pirqOf(dpci))
  return 1
}
