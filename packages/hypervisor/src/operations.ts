// SPDX-License-Identifier: MIT
/**
 * The control operations: each decodes and checks its arguments, then does its work; it may answer -ERESTART.
 *
 * @xen xen/common/domctl.c
 * Contexts  as control.ts says: the boot CPU's idle vCPU, IF = 1, no lock held.
 *
 * K2  A failure undoes all that was done, -ERESTART too: the operation begins again from nothing.
 */
import { bug, EINVAL, ERESTART, ESRCH, type DomId, type Errno, type Pirq, type Ref } from '@bottomhalf/base'
import { cpuOnline } from '@bottomhalf/cpu'
import { domainCreate, Domain, DOMAIN_HVM, getDomainById, pirqRecordOf, putDomain, Vcpu, vcpuOf } from '@bottomhalf/domain'
import { createMsiIrq, destroyIrq, mapDomainPirq, pirqIrqNumber, unmapDomainPirq } from '@bottomhalf/irq'
import { cpuCount, handler, isHandlerId, ld, load } from '@bottomhalf/machine'
import { dpciActive, dpciOf, ptIrqCreateBind, ptIrqDestroyBind, PT_IRQ_TYPE_MSI } from '@bottomhalf/passthrough-io'
import { vcpuPin, vcpuUp } from '@bottomhalf/sched'
import { spinLock, spinUnlock } from '@bottomhalf/spinlock'
import { registerOperation } from './control.js'

/** Numbers of the operations; their arguments are the words of the interfaces below, in that order. */
export const Operation = { CreateDomain: 1, BindMsi: 2, UnbindMsi: 3 } as const
export type Operation = (typeof Operation)[keyof typeof Operation]

/** A domain of one vCPU that is pinned to `cpu`; the program is the id of a registered handler. */
export interface CreateDomain {
  readonly domId: DomId, readonly nrPirqs: number, readonly cpu: number
  readonly guestProgram: number, readonly guestData: number
}
export function createDomainArgs(o: CreateDomain): number[] {
  return [o.domId, o.nrPirqs, o.cpu, o.guestProgram, o.guestData]
}

/** A device's MSI becomes pIRQ `pirq` of the domain, and a message of vector `gvec` there. */
export interface BindMsi {
  readonly domId: DomId, readonly pirq: Pirq, readonly msi: Ref<'MsiEntry'>, readonly gvec: number, readonly gflags: number
}
export function bindMsiArgs(o: BindMsi): number[] {
  return [o.domId, o.pirq, o.msi, o.gvec, o.gflags]
}

/** The pIRQ's interrupt is taken from the domain, and its machine interrupt is no more. */
export interface UnbindMsi { readonly domId: DomId, readonly pirq: Pirq }
export function unbindMsiArgs(o: UnbindMsi): number[] {
  return [o.domId, o.pirq]
}

/**
 * -EINVAL: bad id, number or program, or the pCPU is not online. -EEXIST: the id is taken. -ENOMEM.
 */
function createDomain(args: number): Errno {
  const cpu = ld(args + 2)
  const program = ld(args + 3)
  if (!isHandlerId(program) || cpu < 0 || cpu >= cpuCount() || !cpuOnline(cpu)) return -EINVAL
  const d = domainCreate({
    domId: ld(args) as DomId, kind: DOMAIN_HVM, vcpus: 1, nrPirqs: ld(args + 1),
    guestProgram: { name: '', id: program }, guestData: ld(args + 4),
  })
  if (d < 0) return d
  // a fresh vCPU is down and its pCPU was online: neither can refuse
  const pinned = vcpuPin(vcpuOf(d, 0), cpu)
  const started = pinned === 0 ? vcpuUp(vcpuOf(d, 0)) : pinned
  if (started !== 0) bug('a fresh vCPU could not be started', 'DOM-1')
  return 0
}

/** -ESRCH: no such domain. -EINVAL, -EEXIST, -EBUSY, -ENOSPC, -ENOMEM: as the steps say. -ERESTART. */
function bindMsi(args: number): Errno {
  const d = getDomainById(ld(args) as DomId)
  if (d === 0) return -ESRCH
  const irq = createMsiIrq(ld(args + 2), load(vcpuOf(d, 0) + Vcpu.processor))
  const result = irq < 0 ? irq : bindIrq(d, irq, args)
  if (irq > 0 && result !== 0) void destroyIrq(irq)                    // K2
  putDomain(d)
  return result
}

function bindIrq(d: Ref<'Domain'>, irq: number, args: number): Errno {
  const pirq = ld(args + 1) as Pirq
  const mapped = mapPirq(d, pirq, irq)
  if (mapped !== 0) return mapped
  const bound = ptIrqCreateBind(d, { type: PT_IRQ_TYPE_MSI, pirq, gvec: ld(args + 3), gflags: ld(args + 4) })
  if (bound !== 0) void unmapPirq(d, pirq)                             // K2
  return bound
}

/** -ESRCH: no such domain. -EINVAL: the pIRQ is not bound to a guest MSI. -ERESTART: a run of it is not over. */
function unbindMsi(args: number): Errno {
  const d = getDomainById(ld(args) as DomId)
  if (d === 0) return -ESRCH
  const result = unbindIrq(d, ld(args + 1) as Pirq)
  putDomain(d)
  return result
}

// A record that is untied while it is still active would be left to nobody: its interrupt stays until the run is over.
// Begun again, the operation finds the binding gone and the interrupt still there.
function unbindIrq(d: Ref<'Domain'>, pirq: Pirq): Errno {
  if (pirq < 0 || pirq >= ld(d + Domain.nrPirqs)) return -EINVAL
  const unbound = ptIrqDestroyBind(d, { type: PT_IRQ_TYPE_MSI, pirq, gvec: 0, gflags: 0 })
  const state = recordState(d, pirq)
  if (state === RECORD_ACTIVE) return -ERESTART                        // K1
  if (state === RECORD_UNTIED) return unbound
  const irq = unmapPirq(d, pirq)
  return irq > 0 ? destroyIrq(irq) : irq
}

const RECORD_UNTIED = 0
const RECORD_TIED = 1
const RECORD_ACTIVE = 2

function recordState(d: Ref<'Domain'>, pirq: Pirq): number {
  spinLock(d + Domain.eventLock)
  const record = pirqRecordOf(d, pirq)
  const active = record !== 0 && dpciActive(dpciOf(record))
  const tied = pirqIrqNumber(record) > 0
  spinUnlock(d + Domain.eventLock)
  if (!tied) return RECORD_UNTIED
  return active ? RECORD_ACTIVE : RECORD_TIED
}

function mapPirq(d: Ref<'Domain'>, pirq: Pirq, irq: number): Errno {
  spinLock(d + Domain.eventLock)
  const result = mapDomainPirq(d, pirq, irq)
  spinUnlock(d + Domain.eventLock)
  return result
}

/** Returns the machine interrupt that the pIRQ was tied to, or an errno. */
function unmapPirq(d: Ref<'Domain'>, pirq: Pirq): number {
  spinLock(d + Domain.eventLock)
  const irq = pirqIrqNumber(pirqRecordOf(d, pirq))
  const result = unmapDomainPirq(d, pirq)
  spinUnlock(d + Domain.eventLock)
  return result === 0 ? irq : result
}

const createDomainHandler = handler('controlCreateDomain', createDomain)
const bindMsiHandler = handler('controlBindMsi', bindMsi)
const unbindMsiHandler = handler('controlUnbindMsi', unbindMsi)

/** Boot: after `setupControl`. */
export function setupOperations(): void {
  registerOperation(Operation.CreateDomain, createDomainHandler)
  registerOperation(Operation.BindMsi, bindMsiHandler)
  registerOperation(Operation.UnbindMsi, unbindMsiHandler)
}
