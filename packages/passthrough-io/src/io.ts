// SPDX-License-Identifier: MIT
/**
 * Binding interrupts of passed-through devices to guests, and the way in from the machine's interrupt.
 *
 * @xen xen/drivers/passthrough/io.c
 * Contexts  ptIrqCreateBind, ptIrqDestroyBind: control operations, no lock below pcidevs held.
 *           hvmDoIrqDpci: interrupt, IF = 0, irqDesc.lock held.
 * Locks     eventLock, then irqDesc.lock.
 *
 * IO1  A record's flags change only while its interrupt is not bound to the guest: before the bind, after the unbind. Both
 *      take irqDesc.lock, under which a delivery reads them.
 * IO2  A fresh bind starts from a record at rest: no run of an earlier binding is wanted, under way or linked (U1, U2).
 */
import {
  assert, EBUSY, EINVAL, ENOMEM, EOPNOTSUPP, ERESTART, type Errno, type Pirq, type Ref, type SoftirqNr,
} from '@bottomhalf/base'
import { CPU_DEAD, CpuEvent, registerCpuNotifier } from '@bottomhalf/cpu'
import {
  checkExtension, Domain, DPCI_EXTENSION_WORDS, isDomainDying, isHvmDomain, pirqRecordOf, registerDomainPart, Vcpu,
  vcpuOf,
} from '@bottomhalf/domain'
import { sendGuestPirqHandler, setEoiOperations, vmsiDestVcpuId } from '@bottomhalf/hvm'
import {
  cleanUpPirq, pirqGuestBind, pirqGuestEoi, pirqGuestMask, pirqGuestUnbind, pirqNeedsEoi, pirqSetAffinity,
  setPirqOperations,
} from '@bottomhalf/irq'
import { fetchAdd, handler, ld, load, st, store, xfree, xzalloc } from '@bottomhalf/machine'
import { spinLock, spinUnlock } from '@bottomhalf/spinlock'
import { dpciActive, dpciReset, initRecord, protocolCpuDead, scheduleDpci, setupProtocol } from '#protocol'
import { hvmDpciMsiEoi } from './eoi.js'
import { dpciRecordsActive, ptPirqIterate } from './iterate.js'
import { DPCI_GUEST_MSI, DPCI_MACH_MSI, DPCI_MAPPED, dpciOf, HvmIrqDpci, HvmPirqDpci, pirqOf } from './records.js'

/** Types of a binding: what the guest gets. */
export const PT_IRQ_TYPE_MSI = 2

/** In `gflags`: leave the MSI unmasked; without it the guest unmasks. The other bits say where it goes (GV-5). */
export const GFLAGS_UNMASKED = 1 << 16

/** A binding: the pIRQ's interrupt becomes a message of vector `gvec` to the vCPUs that `gflags` selects. */
export interface PtIrqBind {
  readonly type: number
  readonly pirq: Pirq
  readonly gvec: number
  readonly gflags: number
}

const MSI_BOUND = DPCI_MAPPED | DPCI_MACH_MSI | DPCI_GUEST_MSI
const LOWEST_GVEC = 16
// A module constant, so that the compiler folds it.
const FLAGS = HvmPirqDpci.flags

/**
 * Bind a pIRQ to a guest, or change where a bound one goes (DP-10). -EOPNOTSUPP: unknown type. -EINVAL: bad vector or
 * number, pIRQ tied to no interrupt, domain not HVM or dying. -EBUSY: bound otherwise, or the interrupt is not free.
 * -ENOMEM. -ERESTART: a run of the binding before is not over; serve softirqs, then call again. Failures change nothing.
 */
export function ptIrqCreateBind(d: Ref<'Domain'>, bind: PtIrqBind): Errno {
  if (bind.type !== PT_IRQ_TYPE_MSI) return -EOPNOTSUPP
  if (!pirqInRange(d, bind.pirq) || bind.gvec < LOWEST_GVEC || bind.gvec > 0xff || !isHvmDomain(d)) return -EINVAL
  spinLock(d + Domain.eventLock)
  const result = bindMsiLocked(d, bind)
  spinUnlock(d + Domain.eventLock)
  return result
}

/**
 * Unbind (DP-11). After this nothing of the binding is delivered any more (I2). -EOPNOTSUPP: unknown type. -EINVAL: the
 * domain has no passthrough, or the pIRQ is not bound so.
 */
export function ptIrqDestroyBind(d: Ref<'Domain'>, bind: PtIrqBind): Errno {
  if (bind.type !== PT_IRQ_TYPE_MSI) return -EOPNOTSUPP
  if (!pirqInRange(d, bind.pirq)) return -EINVAL
  spinLock(d + Domain.eventLock)
  const result = unbindMsiLocked(d, pirqRecordOf(d, bind.pirq))
  spinUnlock(d + Domain.eventLock)
  return result
}

/** An interrupt came for a pIRQ (DP-1): 1 if passthrough takes it over. Interrupt context, IF = 0, irqDesc.lock held. */
export function hvmDoIrqDpci(pirq: Ref<'PirqRecord'>): number {
  const dpci = dpciOf(pirq)
  // only an HVM domain with passthrough on ever has MAPPED: one look answers all three questions
  if ((ld(dpci + FLAGS) & DPCI_MAPPED) === 0) return 0                           // IO1
  scheduleDpci(dpci)
  return 1
}

/** Move the interrupts of MSIs that go to a vCPU near the CPU that it runs on now (DP-10). No lock held. */
export function hvmMigratePirqs(v: Ref<'Vcpu'>): void {
  const d = ld(v + Vcpu.domain)
  if (load(d + Domain.hvmIrqDpci) === 0) return
  spinLock(d + Domain.eventLock)
  ptPirqIterate(d, (dpci) => moveNear(dpci, v))
  spinUnlock(d + Domain.eventLock)
}

function bindMsiLocked(d: Ref<'Domain'>, bind: PtIrqBind): Errno {
  if (isDomainDying(d)) return -EINVAL                                                       // U9
  const pirq = pirqRecordOf(d, bind.pirq)
  if (pirq === 0) return -EINVAL
  const dpci = dpciOf(pirq)
  const flags = ld(dpci + HvmPirqDpci.flags)
  if (flags === MSI_BOUND) return updateMsiLocked(d, dpci, bind)
  if (flags !== 0) return -EBUSY
  if (dpciActive(dpci)) return -ERESTART                                                     // IO2
  return bindFreshMsiLocked(d, dpci, bind)
}

function bindFreshMsiLocked(d: Ref<'Domain'>, dpci: Ref<'HvmPirqDpci'>, bind: PtIrqBind): Errno {
  const fresh = ld(d + Domain.hvmIrqDpci) === 0 ? createPassthroughState(d) : 0
  if (fresh < 0) return fresh
  writeMsi(d, dpci, bind)
  st(dpci + HvmPirqDpci.flags, MSI_BOUND)                                                    // IO1
  const result = pirqGuestBind(nearestVcpu(d, dpci), pirqOf(dpci), false)
  if (result !== 0) {
    clearBinding(dpci)
    if (fresh !== 0) freePassthroughState(d)
    return result
  }
  if (pirqNeedsEoi(pirqOf(dpci))) countEoiMsi(d, dpci)
  unmaskIfAsked(dpci, bind)
  return 0
}

// The binding lives on: runs in flight deliver to the old place or the new one, whichever eventLock lets them see.
function updateMsiLocked(d: Ref<'Domain'>, dpci: Ref<'HvmPirqDpci'>, bind: PtIrqBind): Errno {
  if (ld(dpci + HvmPirqDpci.gvec) !== bind.gvec || ld(dpci + HvmPirqDpci.gflags) !== bind.gflags) {
    pirqGuestEoi(pirqOf(dpci))            // the EOI of the old vector will not find this record any more
    writeMsi(d, dpci, bind)
    aimAt(dpci, nearestVcpu(d, dpci))
  }
  unmaskIfAsked(dpci, bind)
  return 0
}

function unbindMsiLocked(d: Ref<'Domain'>, pirq: Ref<'PirqRecord'>): Errno {
  if (pirq === 0 || ld(d + Domain.hvmIrqDpci) === 0) return -EINVAL
  const dpci = dpciOf(pirq)
  if (ld(dpci + HvmPirqDpci.flags) !== MSI_BOUND) return -EINVAL
  // a pIRQ that was unmapped by force has no interrupt to mask, and its unbind only unties it
  void pirqGuestMask(pirq, true)
  void pirqGuestUnbind(pirq)
  if (ld(dpci + HvmPirqDpci.needsEoi) !== 0) fetchAdd(ld(d + Domain.hvmIrqDpci) + HvmIrqDpci.eoiMsis, -1)
  clearBinding(dpci)                                                                         // IO1
  dpciReset(dpci)
  cleanUpPirq(pirq)
  return 0
}

function writeMsi(d: Ref<'Domain'>, dpci: Ref<'HvmPirqDpci'>, bind: PtIrqBind): void {
  st(dpci + HvmPirqDpci.gvec, bind.gvec)
  st(dpci + HvmPirqDpci.gflags, bind.gflags)
  st(dpci + HvmPirqDpci.destVcpuId, ld(d + Domain.vcpuCount) === 1 ? 0 : vmsiDestVcpuId(d, bind.gflags))
}

function clearBinding(dpci: Ref<'HvmPirqDpci'>): void {
  st(dpci + HvmPirqDpci.flags, 0)
  st(dpci + HvmPirqDpci.gvec, 0)
  st(dpci + HvmPirqDpci.gflags, 0)
  st(dpci + HvmPirqDpci.destVcpuId, 0)
  st(dpci + HvmPirqDpci.needsEoi, 0)
}

function countEoiMsi(d: Ref<'Domain'>, dpci: Ref<'HvmPirqDpci'>): void {
  st(dpci + HvmPirqDpci.needsEoi, 1)
  fetchAdd(ld(d + Domain.hvmIrqDpci) + HvmIrqDpci.eoiMsis, 1)
}

function unmaskIfAsked(dpci: Ref<'HvmPirqDpci'>, bind: PtIrqBind): void {
  if ((bind.gflags & GFLAGS_UNMASKED) !== 0) void pirqGuestMask(pirqOf(dpci), false)
}

/** The vCPU that the interrupt is to be near: its destination, or the first where there are several. */
function nearestVcpu(d: Ref<'Domain'>, dpci: Ref<'HvmPirqDpci'>): Ref<'Vcpu'> {
  return vcpuOf(d, Math.max(ld(dpci + HvmPirqDpci.destVcpuId), 0))
}

function moveNear(dpci: Ref<'HvmPirqDpci'>, v: Ref<'Vcpu'>): number {
  const isMsi = ld(dpci + HvmPirqDpci.flags) === MSI_BOUND
  if (isMsi && ld(dpci + HvmPirqDpci.destVcpuId) === ld(v + Vcpu.vcpuId)) aimAt(dpci, v)
  return 0
}

// Where that CPU has no room, or a move is open, the interrupt works from afar, or follows.
function aimAt(dpci: Ref<'HvmPirqDpci'>, v: Ref<'Vcpu'>): void {
  void pirqSetAffinity(pirqOf(dpci), load(v + Vcpu.processor))
}

function createPassthroughState(d: Ref<'Domain'>): number {
  const state = xzalloc(HvmIrqDpci.sizeWords, HvmIrqDpci.tag)
  if (state === 0) return -ENOMEM
  store(d + Domain.hvmIrqDpci, state)
  return state
}

function freePassthroughState(d: Ref<'Domain'>): void {
  const state = ld(d + Domain.hvmIrqDpci)
  if (state === 0) return
  store(d + Domain.hvmIrqDpci, 0)
  xfree(state)
}

function pirqInRange(d: Ref<'Domain'>, pirq: number): boolean {
  return pirq >= 0 && pirq < ld(d + Domain.nrPirqs)
}

// ---- seams

function initPirq(pirq: number): void {
  initRecord(dpciOf(pirq))
}

/** Whether nothing of passthrough keeps a pIRQ record: 1, or 0. */
function pirqIsClean(pirq: number): number {
  return ld(dpciOf(pirq) + HvmPirqDpci.flags) === 0 && !dpciActive(dpciOf(pirq)) ? 1 : 0
}

function destroyPassthrough(d: number): void {
  assert(!dpciRecordsActive(d), 'a domain is destroyed with an active dpci record', 'I6')
  freePassthroughState(d)
}

function cpuNotify(event: number): number {
  if (ld(event + CpuEvent.action) === CPU_DEAD) protocolCpuDead(ld(event + CpuEvent.cpu))
  return 0
}

const hvmDoIrqDpciHandler = handler('hvmDoIrqDpci', hvmDoIrqDpci)
const initPirqHandler = handler('dpciInitPirq', initPirq)
const pirqIsCleanHandler = handler('dpciPirqIsClean', pirqIsClean)
const destroyPassthroughHandler = handler('dpciDestroyPassthrough', destroyPassthrough)
const cpuNotifyHandler = handler('dpciCpuNotify', cpuNotify)
const hvmDpciMsiEoiHandler = handler('hvmDpciMsiEoi', hvmDpciMsiEoi)

const NOTIFY_PRIORITY = 0

/** Boot CPU, once, after the layers below: `nr` is HVM_DPCI_SOFTIRQ. */
export function setupPassthroughIo(nr: SoftirqNr): void {
  checkExtension(HvmPirqDpci, DPCI_EXTENSION_WORDS)
  setupProtocol(nr)
  setPirqOperations({
    deliver: hvmDoIrqDpciHandler, init: initPirqHandler, clean: pirqIsCleanHandler, sendEvent: sendGuestPirqHandler,
  })
  setEoiOperations({ msiEoi: hvmDpciMsiEoiHandler })
  registerDomainPart({ domainDestroy: destroyPassthroughHandler })
  registerCpuNotifier(cpuNotifyHandler, NOTIFY_PRIORITY)
}
