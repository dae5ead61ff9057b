// SPDX-License-Identifier: MIT
/**
 * Binding interrupts of passed-through devices to guests, and the way in from the machine's interrupt.
 *
 * @xen xen/drivers/passthrough/io.c
 * Contexts  ptIrqCreateBind, ptIrqDestroyBind: control operations, no lock below pcidevs held.
 *           hvmDoIrqDpci: interrupt, IF = 0, irqDesc.lock held.
 * Locks     eventLock, then irqLock or irqDesc.lock.
 *
 * IO2  A bind decides everything that it can before its first change; what fails after that is undone (DP-10).
 */
import { assert, EBUSY, EEXIST, EINVAL, type Errno, type Ref, type SoftirqNr } from '@bottomhalf/base'
import { CPU_DEAD, CPU_UP_PREPARE, CpuEvent, registerCpuNotifier } from '@bottomhalf/cpu'
import { Domain, isDomainDying, pirqRecordOf, PirqRecord, registerDomainPart } from '@bottomhalf/domain'
import { sendGuestPirqHandler, setEoiOperations } from '@bottomhalf/hvm'
import { setPirqOperations } from '@bottomhalf/irq'
import { listInit } from '@bottomhalf/list'
import { extend, handler, ld } from '@bottomhalf/machine'
import { spinLock, spinUnlock } from '@bottomhalf/spinlock'
import { bindUnderLock, whyNotBind } from '#bindRules'
import { dpciRecordsActive } from '#iterate'
import { dpciActive, initRecord, protocolCpuDead, protocolCpuPrepare, scheduleDpci, setupProtocol } from '#protocol'
import { endBinding } from '#release'
import { bindFurtherLineLocked, bindLineLocked, unbindFurtherLineLocked } from './bindLine.js'
import { bindMsiLocked, updateMsiLocked } from './bindMsi.js'
import { boundFlags, checkBind, checkPirq, PT_IRQ_TYPE_MSI, type PtIrqBind, type PtMsiBind } from './binding.js'
import { hvmDpciEoi, hvmDpciMsiEoi } from './eoi.js'
import { findLine, firstLine, nextLine } from './lines.js'
import { DPCI_MAPPED, dpciOf, HvmPirqDpci } from './records.js'
import { ensurePassthroughState, freePassthroughState } from './state.js'

// A module constant, so that the compiler folds it.
const FLAGS = HvmPirqDpci.flags

/**
 * Bind a pIRQ to a guest, change where a bound message goes, or add a line to a bound pIRQ (DP-10). -EOPNOTSUPP: unknown
 * type. -EINVAL: out of range, pIRQ tied to no interrupt, domain not HVM or dying. -EBUSY: bound otherwise, or the
 * interrupt is not free. -EEXIST: it has this line. -ENOMEM. -ERESTART: a run of the binding before is not over; serve
 * interrupts and softirqs, then call again. Failures change nothing.
 */
export function ptIrqCreateBind(d: Ref<'Domain'>, bind: PtIrqBind): Errno {
  const refused = checkBind(d, bind)
  return refused === 0 ? bindUnderLock(d, () => bindLocked(d, bind)) : refused
}

/**
 * Change where the messages of a pIRQ go that is bound so; one that is not stays unbound. -EINVAL: it is not, out of range,
 * or the domain is dying. Also for a vCPU's VM exit.
 */
export function ptIrqUpdateMsi(d: Ref<'Domain'>, bind: PtMsiBind): Errno {
  const refused = checkBind(d, bind)
  if (refused !== 0) return refused
  spinLock(d + Domain.eventLock)
  const result = updateLocked(d, bind)
  spinUnlock(d + Domain.eventLock)
  return result
}

/**
 * Unbind: a message, or a line, with the last of which the interrupt goes (DP-11). After that nothing of the binding is
 * delivered any more (I2). -EOPNOTSUPP: unknown type. -EINVAL: the domain has no passthrough, the pIRQ is not bound so, or
 * has no such line.
 */
export function ptIrqDestroyBind(d: Ref<'Domain'>, bind: PtIrqBind): Errno {
  const refused = checkPirq(d, bind)
  if (refused !== 0) return refused
  spinLock(d + Domain.eventLock)
  const result = unbindLocked(d, bind)
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

function bindLocked(d: Ref<'Domain'>, bind: PtIrqBind): Errno {
  const pirq = pirqRecordOf(d, bind.pirq)
  if (pirq === 0) return -EINVAL
  const dpci = dpciOf(pirq)
  const flags = ld(dpci + FLAGS)
  const refused = flags === 0 || flags === boundFlags(bind) ? whyNotBind(d, dpci) : -EBUSY
  if (refused !== 0) return refused                                                          // IO2
  return flags === 0 ? bindFreshLocked(d, dpci, bind) : bindFurtherLocked(d, dpci, bind)
}

function bindFreshLocked(d: Ref<'Domain'>, dpci: Ref<'HvmPirqDpci'>, bind: PtIrqBind): Errno {
  const made = ensurePassthroughState(d)
  if (made < 0) return made
  const result = bind.type === PT_IRQ_TYPE_MSI ? bindMsiLocked(d, dpci, bind) : bindLineLocked(d, dpci, bind)
  if (result !== 0 && made > 0) freePassthroughState(d)                                      // IO2
  return result
}

function bindFurtherLocked(d: Ref<'Domain'>, dpci: Ref<'HvmPirqDpci'>, bind: PtIrqBind): Errno {
  if (bind.type === PT_IRQ_TYPE_MSI) return updateMsiLocked(d, dpci, bind)
  return findLine(dpci, bind) === 0 ? bindFurtherLineLocked(d, dpci, bind) : -EEXIST
}

function updateLocked(d: Ref<'Domain'>, bind: PtMsiBind): Errno {
  const pirq = pirqRecordOf(d, bind.pirq)
  if (isDomainDying(d) || pirq === 0 || ld(dpciOf(pirq) + FLAGS) !== boundFlags(bind)) return -EINVAL
  return updateMsiLocked(d, dpciOf(pirq), bind)
}

function unbindLocked(d: Ref<'Domain'>, bind: PtIrqBind): Errno {
  const pirq = pirqRecordOf(d, bind.pirq)
  if (pirq === 0 || ld(dpciOf(pirq) + FLAGS) !== boundFlags(bind)) return -EINVAL
  const dpci = dpciOf(pirq)
  if (bind.type === PT_IRQ_TYPE_MSI) {
    endBinding(d, dpci)
    return 0
  }
  const line = findLine(dpci, bind)
  if (line === 0) return -EINVAL
  if (line === firstLine(dpci) && nextLine(line) === 0) endBinding(d, dpci)
  else unbindFurtherLineLocked(d, line)
  return 0
}

// ---- seams

function initPirq(pirq: number): void {
  listInit(dpciOf(pirq) + HvmPirqDpci.lines)
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
  const action = ld(event + CpuEvent.action)
  if (action === CPU_UP_PREPARE) protocolCpuPrepare(ld(event + CpuEvent.cpu))
  if (action === CPU_DEAD) protocolCpuDead(ld(event + CpuEvent.cpu))
  return 0
}

const hvmDoIrqDpciHandler = handler('hvmDoIrqDpci', hvmDoIrqDpci)
const initPirqHandler = handler('dpciInitPirq', initPirq)
const pirqIsCleanHandler = handler('dpciPirqIsClean', pirqIsClean)
const destroyPassthroughHandler = handler('dpciDestroyPassthrough', destroyPassthrough)
const cpuNotifyHandler = handler('dpciCpuNotify', cpuNotify)
const hvmDpciMsiEoiHandler = handler('hvmDpciMsiEoi', hvmDpciMsiEoi)
const hvmDpciEoiHandler = handler('hvmDpciEoi', hvmDpciEoi)

const NOTIFY_PRIORITY = 0

/** Boot CPU, once, after the layers below: `nr` is HVM_DPCI_SOFTIRQ. */
export function setupPassthroughIo(nr: SoftirqNr): void {
  extend(PirqRecord, 'dpci', HvmPirqDpci)
  setupProtocol(nr)
  setPirqOperations({
    deliver: hvmDoIrqDpciHandler, init: initPirqHandler, clean: pirqIsCleanHandler, sendEvent: sendGuestPirqHandler,
  })
  setEoiOperations({ msiEoi: hvmDpciMsiEoiHandler, gsiEoi: hvmDpciEoiHandler })
  registerDomainPart({ domainDestroy: destroyPassthroughHandler })
  registerCpuNotifier(cpuNotifyHandler, NOTIFY_PRIORITY)
}
