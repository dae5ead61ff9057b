// SPDX-License-Identifier: MIT
/**
 * Bindings of a message to a message of the guest.
 *
 * @xen xen/drivers/passthrough/io.c (pt_irq_create_bind for PT_IRQ_TYPE_MSI, hvm_migrate_pirq)
 * Contexts  control operations; hvmMigratePirqs: the scheduler's softirq too, no lock held.
 * Locks     eventLock, held by the caller of `...Locked`.
 */
import type { Errno, Ref } from '@bottomhalf/base'
import { Domain, Vcpu, vcpuOf } from '@bottomhalf/domain'
import { vmsiDestVcpuId } from '@bottomhalf/hvm'
import { pirqGuestEoi, pirqGuestMask, pirqNeedsEoi, pirqSetAffinity } from '@bottomhalf/irq'
import { fetchAdd, ld, load, st } from '@bottomhalf/machine'
import { spinLock, spinUnlock } from '@bottomhalf/spinlock'
import { ptPirqIterate } from '#iterate'
import { bindGuest } from './bindGuest.js'
import { boundFlags, GFLAGS_UNMASKED, type PtMsiBind } from './binding.js'
import { DPCI_GUEST_MSI, HvmPirqDpci, pirqOf } from './records.js'

/** Bind a record that is bound to nothing. eventLock held. Failures change nothing. */
export function bindMsiLocked(d: Ref<'Domain'>, dpci: Ref<'HvmPirqDpci'>, bind: PtMsiBind): Errno {
  writeMsi(d, dpci, bind)
  const result = bindGuest(nearestVcpu(d, dpci), d, dpci, boundFlags(bind), false)
  if (result !== 0) return result
  if (pirqNeedsEoi(pirqOf(dpci))) countEoiMsi(d, dpci)
  unmaskIfAsked(dpci, bind)
  return 0
}

/**
 * Change where the messages of a bound record go. eventLock held. Runs in flight deliver to the old place or the new one,
 * whichever eventLock lets them see.
 */
export function updateMsiLocked(d: Ref<'Domain'>, dpci: Ref<'HvmPirqDpci'>, bind: PtMsiBind): Errno {
  if (ld(dpci + HvmPirqDpci.gvec) !== bind.gvec || ld(dpci + HvmPirqDpci.gflags) !== bind.gflags) {
    pirqGuestEoi(pirqOf(dpci))            // the EOI of the old vector will not find this record any more
    writeMsi(d, dpci, bind)
    aimAt(dpci, nearestVcpu(d, dpci))
  }
  unmaskIfAsked(dpci, bind)
  return 0
}

/** Move the interrupts of MSIs that go to a vCPU near the CPU that it runs on now (DP-10). No lock held. */
export function hvmMigratePirqs(v: Ref<'Vcpu'>): void {
  const d = ld(v + Vcpu.domain)
  if (load(d + Domain.hvmIrqDpci) === 0) return
  spinLock(d + Domain.eventLock)
  ptPirqIterate(d, (dpci) => moveNear(dpci, v))
  spinUnlock(d + Domain.eventLock)
}

function writeMsi(d: Ref<'Domain'>, dpci: Ref<'HvmPirqDpci'>, bind: PtMsiBind): void {
  st(dpci + HvmPirqDpci.gvec, bind.gvec)
  st(dpci + HvmPirqDpci.gflags, bind.gflags)
  st(dpci + HvmPirqDpci.destVcpuId, ld(d + Domain.vcpuCount) === 1 ? 0 : vmsiDestVcpuId(d, bind.gflags))
}

function countEoiMsi(d: Ref<'Domain'>, dpci: Ref<'HvmPirqDpci'>): void {
  st(dpci + HvmPirqDpci.needsEoi, 1)
  fetchAdd(d + Domain.dpciEoiMsis, 1)
}

function unmaskIfAsked(dpci: Ref<'HvmPirqDpci'>, bind: PtMsiBind): void {
  if ((bind.gflags & GFLAGS_UNMASKED) !== 0) void pirqGuestMask(pirqOf(dpci), false)
}

/** The vCPU that the interrupt is to be near: its destination, or the first where there are several. */
function nearestVcpu(d: Ref<'Domain'>, dpci: Ref<'HvmPirqDpci'>): Ref<'Vcpu'> {
  return vcpuOf(d, Math.max(ld(dpci + HvmPirqDpci.destVcpuId), 0))
}

function moveNear(dpci: Ref<'HvmPirqDpci'>, v: Ref<'Vcpu'>): number {
  const isMsi = (ld(dpci + HvmPirqDpci.flags) & DPCI_GUEST_MSI) !== 0
  if (isMsi && ld(dpci + HvmPirqDpci.destVcpuId) === ld(v + Vcpu.vcpuId)) aimAt(dpci, v)
  return 0
}

// Where that CPU has no room, or a move is open, the interrupt works from afar, or follows.
function aimAt(dpci: Ref<'HvmPirqDpci'>, v: Ref<'Vcpu'>): void {
  void pirqSetAffinity(pirqOf(dpci), load(v + Vcpu.processor))
}
