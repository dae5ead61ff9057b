// SPDX-License-Identifier: MIT
/**
 * Control operations on a domain's interrupts: pIRQs tied and untied, bound to the guest and unbound.
 *
 * @xen xen/arch/x86/physdev.c (physdev_map_pirq), xen/drivers/passthrough/io.c
 * Contexts  as control.ts says: the boot CPU's idle vCPU, IF = 1, no lock held.
 * Locks     eventLock.
 *
 * K3  A failure undoes all that was done, -ERESTART too: the operation begins again from nothing.
 */
import { EINVAL, ERESTART, type Errno, type Pirq, type Ref } from '@bottomhalf/base'
import { Domain, isDomainDying, pirqRecordOf, Vcpu, vcpuOf } from '@bottomhalf/domain'
import {
  createLineIrq, destroyIrq, findFreePirq, irqOfGsi, isMsiEntry, LINE_EDGE, LINE_PIC, mapDomainPirq,
  pirqIrqNumber, type LineSort,
} from '@bottomhalf/irq'
import { handler, ld, load, st } from '@bottomhalf/machine'
import {
  dpciActive, dpciOf, ptIrqCreateBind, ptIrqDestroyBind, PT_IRQ_TYPE_MSI, type PtIrqBind,
} from '@bottomhalf/passthrough-io'
import {
  msixtblPtRegister, msixtblPtUnregister, pciMapMsi, pciUnmapMsi, type PciMessages,
} from '@bottomhalf/passthrough-pci'
import { spinLock, spinUnlock } from '@bottomhalf/spinlock'
import { registerOperation } from './control.js'
import { pirqInRange, sbdfAt, withDomain, withLivingDomain } from './decode.js'
import { createOurIrq, destroyOurIrq, irqIsMessage, isOurIrq, untiePirq } from './pirqs.js'
import { ANY_PIRQ, GUEST_PAGE_BYTES, Operation } from './requests.js'

// ---- lines

function mapLine(args: number): Errno {
  return withLivingDomain(args, (d) => {
    const [pirq, gsi, sort] = [ld(args + 1), ld(args + 2), ld(args + 3)]
    if (pirq !== ANY_PIRQ && !pirqInRange(d, pirq)) return -EINVAL
    const known = irqOfGsi(gsi)
    const irq = known > 0 ? known : createLine(d, gsi, sort)
    const result = irq < 0 ? irq : tiePirq(d, pirq, irq)
    if (result < 0 && irq > 0 && known < 0) void destroyIrq(irq)       // K3
    if (result >= 0) st(args, result)
    return result < 0 ? result : 0
  })
}

function createLine(d: Ref<'Domain'>, gsi: number, sort: number): number {
  if (sort < LINE_EDGE || sort > LINE_PIC) return -EINVAL
  return createLineIrq(gsi, sort as LineSort, sort === LINE_PIC ? 0 : load(vcpuOf(d, 0) + Vcpu.processor))
}

/** Returns the pIRQ, or an errno. A dying domain gets nothing new: looked at under eventLock (U9). */
function tiePirq(d: Ref<'Domain'>, wanted: number, irq: number): number {
  spinLock(d + Domain.eventLock)
  const result = isDomainDying(d) ? -EINVAL : tieLocked(d, wanted, irq)
  spinUnlock(d + Domain.eventLock)
  return result
}

function tieLocked(d: Ref<'Domain'>, wanted: number, irq: number): number {
  const pirq = wanted === ANY_PIRQ ? findFreePirq(d) : wanted
  if (pirq < 0) return pirq
  const result = mapDomainPirq(d, pirq as Pirq, irq)
  return result === 0 ? pirq : result
}

function unmapLine(args: number): Errno {
  return withDomain(args, (d) => {
    const pirq = ld(args + 1)
    if (!pirqInRange(d, pirq) || irqIsMessage(irqOf(d, pirq))) return -EINVAL
    const irq = untiePirq(d, pirq)
    return irq < 0 ? irq : 0
  })
}

function irqOf(d: Ref<'Domain'>, pirq: Pirq): number {
  spinLock(d + Domain.eventLock)
  const irq = pirqIrqNumber(pirqRecordOf(d, pirq))
  spinUnlock(d + Domain.eventLock)
  return irq
}

// ---- messages of PCI devices

function mapMessages(args: number): Errno {
  return withLivingDomain(args, (d) => pciMapMsi(d, messagesAt(args + 1), ld(args + 5) as Pirq))
}

function unmapMessages(args: number): Errno {
  return withDomain(args, (d) => pciUnmapMsi(d, messagesAt(args + 1)))
}

function messagesAt(args: number): PciMessages {
  return { sbdf: sbdfAt(args), kind: ld(args + 1), first: ld(args + 2), count: ld(args + 3) }
}

// A guest's address is wider than a word: its page, and where in the page.
function registerTable(args: number): Errno {
  return withDomain(args, (d) => {
    const [pirq, frame, offset] = [ld(args + 1), ld(args + 2) >>> 0, ld(args + 3)]
    if (!pirqInRange(d, pirq) || offset < 0 || offset >= GUEST_PAGE_BYTES) return -EINVAL
    return msixtblPtRegister(d, pirq, frame * GUEST_PAGE_BYTES + offset)
  })
}

function unregisterTable(args: number): Errno {
  return withDomain(args, (d) => {
    const pirq = ld(args + 1)
    return pirqInRange(d, pirq) ? msixtblPtUnregister(d, pirq) : -EINVAL
  })
}

// ---- bindings

function bindIrq(args: number): Errno {
  return withDomain(args, (d) => ptIrqCreateBind(d, bindAt(args + 1)))
}

function unbindIrq(args: number): Errno {
  return withDomain(args, (d) => ptIrqDestroyBind(d, bindAt(args + 1)))
}

// A type that nobody knows is refused by the binding, which looks at it first.
function bindAt(args: number): PtIrqBind {
  const type = ld(args) as PtIrqBind['type']
  const pirq = ld(args + 1) as Pirq
  if (type === PT_IRQ_TYPE_MSI) return { type, pirq, gvec: ld(args + 2), gflags: ld(args + 3) }
  return { type, pirq, bus: ld(args + 4), device: ld(args + 5), intx: ld(args + 6) }
}

// ---- messages of devices that are on no bus: interrupt, tie and binding in one

function bindMsi(args: number): Errno {
  if (!isMsiEntry(ld(args + 2))) return -EINVAL
  return withDomain(args, (d) => {
    const irq = createOurIrq(ld(args + 2), load(vcpuOf(d, 0) + Vcpu.processor))
    const result = irq < 0 ? irq : bindFreshIrq(d, irq, args)
    if (irq > 0 && result !== 0) destroyOurIrq(irq)                    // K3
    return result
  })
}

function bindFreshIrq(d: Ref<'Domain'>, irq: number, args: number): Errno {
  const pirq = ld(args + 1) as Pirq
  const tied = pirqInRange(d, pirq) ? tiePirq(d, pirq, irq) : -EINVAL
  if (tied < 0) return tied
  const bound = ptIrqCreateBind(d, { type: PT_IRQ_TYPE_MSI, pirq, gvec: ld(args + 3), gflags: ld(args + 4) })
  if (bound !== 0) void untiePirq(d, pirq)                             // K3
  return bound
}

// A record that is untied while it is still active would be left to nobody: its interrupt stays until the run is over.
// Begun again, the operation finds the binding gone and the interrupt still there.
function unbindMsi(args: number): Errno {
  return withDomain(args, (d) => {
    const pirq = ld(args + 1)
    if (!pirqInRange(d, pirq) || !isOurIrq(irqOf(d, pirq))) return -EINVAL
    // -EINVAL: the guest's tools have unbound it, or this operation has, and is continued
    void ptIrqDestroyBind(d, { type: PT_IRQ_TYPE_MSI, pirq, gvec: 0, gflags: 0 })
    if (recordIsActive(d, pirq)) return -ERESTART                      // K1 of control.ts
    const irq = untiePirq(d, pirq)
    if (irq > 0) destroyOurIrq(irq)
    return irq > 0 ? 0 : irq
  })
}

function recordIsActive(d: Ref<'Domain'>, pirq: Pirq): boolean {
  spinLock(d + Domain.eventLock)
  const record = pirqRecordOf(d, pirq)
  const active = record !== 0 && dpciActive(dpciOf(record))
  spinUnlock(d + Domain.eventLock)
  return active
}

const mapLineHandler = handler('controlMapLine', mapLine)
const unmapLineHandler = handler('controlUnmapLine', unmapLine)
const mapMessagesHandler = handler('controlMapMessages', mapMessages)
const unmapMessagesHandler = handler('controlUnmapMessages', unmapMessages)
const registerTableHandler = handler('controlRegisterTable', registerTable)
const unregisterTableHandler = handler('controlUnregisterTable', unregisterTable)
const bindIrqHandler = handler('controlBindIrq', bindIrq)
const unbindIrqHandler = handler('controlUnbindIrq', unbindIrq)
const bindMsiHandler = handler('controlBindMsi', bindMsi)
const unbindMsiHandler = handler('controlUnbindMsi', unbindMsi)

/** Boot: after `setupControl`. */
export function setupInterruptOperations(): void {
  registerOperation(Operation.MapLine, mapLineHandler)
  registerOperation(Operation.UnmapLine, unmapLineHandler)
  registerOperation(Operation.MapMessages, mapMessagesHandler)
  registerOperation(Operation.UnmapMessages, unmapMessagesHandler)
  registerOperation(Operation.RegisterTable, registerTableHandler)
  registerOperation(Operation.UnregisterTable, unregisterTableHandler)
  registerOperation(Operation.BindIrq, bindIrqHandler)
  registerOperation(Operation.UnbindIrq, unbindIrqHandler)
  registerOperation(Operation.BindMsi, bindMsiHandler)
  registerOperation(Operation.UnbindMsi, unbindMsiHandler)
}
