// SPDX-License-Identifier: MIT
/**
 * MSI and MSI-X of a device: vectors made, masked, tied to a guest's pIRQs, and taken away again.
 *
 *     PciDev.vectors --> | PciVectors | irq, pirq | irq, pirq | ...      a slot per message that the capability offers
 *
 * @xen xen/arch/x86/msi.c (pci_enable_msi, pci_disable_msi), xen/arch/x86/physdev.c (physdev_map_pirq)
 * Contexts  control operations: IF = 1, no lock held.
 * Locks     pcidevs, then eventLock, then what `irq` takes; the MSI-X table lock inside pcidevs.
 *
 * PV1  A device's record of vectors exists while one vector does, and the capability is on exactly then.
 * PV2  A pIRQ is untied before its interrupt is destroyed, and a guest reaches an entry only while its interrupt exists.
 * PV3  A failure leaves no vector, no tie and no record that was not there before.
 */
import {
  bug, EBUSY, EEXIST, EINVAL, ENODEV, ENOMEM, EOPNOTSUPP, EPERM, type Errno, type Pirq, type Ref,
} from '@bottomhalf/base'
import { Domain, isDomainDying, pirqRecordOf, Vcpu, vcpuOf } from '@bottomhalf/domain'
import {
  createMsiIrq, createUnmaskableMsiIrq, destroyIrq, IrqDesc, irqDescOf, mapDomainPirq, MSI_HOST_MASKED, msiMask,
  msiUnmask, pirqIrqNumber, unmapDomainPirq,
} from '@bottomhalf/irq'
import { ld, load, st, struct, word, xfree, xzalloc } from '@bottomhalf/machine'
import { spinLock, spinUnlock } from '@bottomhalf/spinlock'
import { confRead, confUpdate16, findCapability, PciCapability } from './configSpace.js'
import { msiEntryOf, msiVectorCount, msixEntryCount } from './hardware.js'
import { msixEntryGone, msixEntryLives } from './msixTable.js'
import { isGuestOwner, OWNER_HARDWARE_DOMAIN, PciDev, pcidevsLock, pcidevsUnlock } from './records.js'
import { devLocked, nextDevLocked, nextSegmentLocked } from './segment.js'

/** Kinds of messages. */
export const PCI_MSI = 1
export const PCI_MSIX = 2

/** Messages `first` to `first + count - 1` of a device. MSI is enabled whole: `first` is 0, `count` a power of two. */
export interface PciMessages {
  readonly sbdf: number
  /** PCI_MSI or PCI_MSIX. */
  readonly kind: number
  readonly first: number
  readonly count: number
}

const PciVectors = struct('PciVectors', {
  // pcidevs:
  kind: word, capacity: word, used: word,
})

const PciVector = struct('PciVector', {
  // pcidevs: 0 while the message has no interrupt; -1 while that is tied to no pIRQ of the owner through `pciMapMsi`
  irq: word, pirq: word,
})

const NO_PIRQ = -1
const MSI_ENABLE = 1
const MSI_MASKABLE = 0x100
const MSIX_ENABLE = 0x8000
const MULTIPLE_SHIFT = 4

/**
 * Make interrupts for messages of the hardware domain's device, aimed at `cpu`, shut and masked. -ENODEV: not known, or
 * without that capability. -EBUSY: the device is not the hardware domain's, or uses its other kind of messages. -EINVAL: no
 * such messages, or the CPU is not online. -EEXIST: one has an interrupt. -ENOSPC, -ENOMEM. Failures
 * change nothing (PV3).
 */
export function pciEnableMsi(messages: PciMessages, cpu: number): Errno {
  pcidevsLock()
  const dev = devLocked(messages.sbdf)
  const refused = dev === 0 ? -ENODEV : ld(dev + PciDev.owner) !== OWNER_HARDWARE_DOMAIN ? -EBUSY : 0
  const result = refused === 0 ? enableLocked(dev, messages, cpu) : refused
  pcidevsUnlock()
  return result
}

/**
 * Destroy what `pciEnableMsi` made. -ENODEV: not known. -EBUSY: not the hardware domain's, or an interrupt is in use; what
 * is not stays until the next call. -EINVAL: one of the messages has no interrupt.
 */
export function pciDisableMsi(messages: PciMessages): Errno {
  pcidevsLock()
  const dev = devLocked(messages.sbdf)
  const refused = dev === 0 ? -ENODEV : ld(dev + PciDev.owner) !== OWNER_HARDWARE_DOMAIN ? -EBUSY : 0
  const result = refused === 0 ? disableLocked(dev, messages) : refused
  pcidevsUnlock()
  return result
}

/**
 * Make interrupts for messages of a domain's own device, near its first vCPU, and tie them to its pIRQs from `pirq` on.
 * -ENODEV: not known. -EPERM: not the domain's. -EINVAL: dying, or a number out of range. Others as `pciEnableMsi` and
 * `mapDomainPirq`. Failures change nothing (PV3).
 */
export function pciMapMsi(d: Ref<'Domain'>, messages: PciMessages, pirq: Pirq): Errno {
  pcidevsLock()
  const dev = devLocked(messages.sbdf)
  const refused = refusalOf(d, dev)
  const result = refused === 0 ? mapLocked(d, dev, messages, pirq) : refused
  pcidevsUnlock()
  return result
}

/**
 * Untie what `pciMapMsi` tied, unbinding by force what is bound (IRQ-9), and destroy the interrupts. -ENODEV, -EPERM as
 * there. -EINVAL: one of the messages is tied to no pIRQ.
 */
export function pciUnmapMsi(d: Ref<'Domain'>, messages: PciMessages): Errno {
  pcidevsLock()
  const dev = devLocked(messages.sbdf)
  const refused = dev === 0 ? -ENODEV : ld(dev + PciDev.owner) === d ? 0 : -EPERM
  const result = refused === 0 ? unmapLocked(d, dev, messages) : refused
  pcidevsUnlock()
  return result
}

/** Mask or unmask one message for the host. -ENODEV: not known. -EINVAL: it has no interrupt. -EOPNOTSUPP: it has no mask. */
export function pciMaskMsi(sbdf: number, nr: number, masked: boolean): Errno {
  pcidevsLock()
  const dev = devLocked(sbdf)
  const result = dev === 0 ? -ENODEV : maskLocked(dev, nr, masked)
  pcidevsUnlock()
  return result
}

/** The interrupt of a message; 0 if it has none, -ENODEV if the device is not known. */
export function pciMsiIrq(sbdf: number, nr: number): number {
  pcidevsLock()
  const dev = devLocked(sbdf)
  const irq = dev === 0 ? -ENODEV : irqOfMessage(dev, nr)
  pcidevsUnlock()
  return irq
}

/**
 * Take all interrupts from a device: pIRQs are untied, by force if they are bound, and vectors are gone. -EBUSY: the host
 * itself uses one; what was taken before stays taken. pcidevs held.
 */
export function loseInterruptsLocked(dev: Ref<'PciDev'>): Errno {
  const vectors = ld(dev + PciDev.vectors)
  if (vectors === 0) return 0
  const capacity = ld(vectors + PciVectors.capacity)
  for (let nr = 0; nr < capacity; nr++) {
    if (ld(vectorOf(vectors, nr) + PciVector.irq) === 0) continue
    const result = loseVector(dev, nr)
    if (result !== 0) return result
    if (ld(dev + PciDev.vectors) === 0) return 0          // that was the last, and the record is gone with it
  }
  return 0
}

/** The device whose MSI-X message a domain's pIRQ is tied to by `pciMapMsi`; 0 if there is none. pcidevs held. */
export function msixDevOfPirqLocked(d: Ref<'Domain'>, pirq: Pirq): Ref<'PciDev'> {
  for (let segment = nextSegmentLocked(0); segment !== 0; segment = nextSegmentLocked(segment)) {
    for (let dev = nextDevLocked(segment, 0); dev !== 0; dev = nextDevLocked(segment, dev)) {
      if (ld(dev + PciDev.owner) === d && hasMsixPirq(dev, pirq)) return dev
    }
  }
  return 0
}

/** Whether a message of a device has an interrupt. pcidevs held. */
export function messageLives(dev: Ref<'PciDev'>, nr: number): boolean {
  return irqOfMessage(dev, nr) > 0
}

// ---- enabling

function enableLocked(dev: Ref<'PciDev'>, messages: PciMessages, cpu: number): Errno {
  const refused = whyNotEnable(dev, messages)
  if (refused !== 0) return refused
  const opened = openVectors(dev, messages)
  if (opened !== 0) return opened
  for (let i = 0; i < messages.count; i++) {
    const irq = createVector(dev, messages.first + i, cpu)
    if (irq > 0) continue
    undoEnable(dev, messages.first, i)                                                       // PV3
    return irq
  }
  return 0
}

function whyNotEnable(dev: Ref<'PciDev'>, { kind, first, count }: PciMessages): Errno {
  const fn = ld(dev + PciDev.fn)
  if (kind !== PCI_MSI && kind !== PCI_MSIX) return -EINVAL
  const offered = kind === PCI_MSI ? msiVectorCount(fn) : msixEntryCount(fn)
  if (offered === 0) return -ENODEV
  if (!Number.isInteger(first) || !Number.isInteger(count)) return -EINVAL
  if (first < 0 || count < 1 || first + count > offered) return -EINVAL
  if (kind === PCI_MSI && (first !== 0 || (count & (count - 1)) !== 0)) return -EINVAL
  const vectors = ld(dev + PciDev.vectors)
  if (vectors === 0) return 0
  if (ld(vectors + PciVectors.kind) !== kind) return -EBUSY
  if (kind === PCI_MSI) return -EEXIST
  for (let nr = first; nr < first + count; nr++) if (messageLives(dev, nr)) return -EEXIST
  return 0
}

/** Whether a device can mask its messages, of the kind that it uses: those of MSI-X always. */
function isMaskable(dev: Ref<'PciDev'>): boolean {
  const fn = ld(dev + PciDev.fn)
  if (ld(ld(dev + PciDev.vectors) + PciVectors.kind) === PCI_MSIX) return true
  return (confRead(fn, findCapability(fn, PciCapability.MSI) + 2, 2) & MSI_MASKABLE) !== 0
}

function openVectors(dev: Ref<'PciDev'>, { kind, count }: PciMessages): Errno {
  if (ld(dev + PciDev.vectors) !== 0) return 0
  const fn = ld(dev + PciDev.fn)
  const capacity = kind === PCI_MSI ? count : msixEntryCount(fn)
  const vectors = xzalloc(PciVectors.sizeWords + capacity * PciVector.sizeWords, PciVectors.tag)
  if (vectors === 0) return -ENOMEM
  st(vectors + PciVectors.kind, kind)
  st(vectors + PciVectors.capacity, capacity)
  st(dev + PciDev.vectors, vectors)
  if (kind === PCI_MSIX) confUpdate16(fn, findCapability(fn, PciCapability.MSIX) + 2, 0, MSIX_ENABLE)
  else confUpdate16(fn, findCapability(fn, PciCapability.MSI) + 2, 0x70, MSI_ENABLE | multipleEnable(count))
  return 0
}

function multipleEnable(count: number): number {
  return (31 - Math.clz32(count)) << MULTIPLE_SHIFT
}

function closeVectorsIfUnused(dev: Ref<'PciDev'>): void {
  const vectors = ld(dev + PciDev.vectors)
  if (ld(vectors + PciVectors.used) !== 0) return
  const fn = ld(dev + PciDev.fn)
  const msix = ld(vectors + PciVectors.kind) === PCI_MSIX
  if (msix) confUpdate16(fn, findCapability(fn, PciCapability.MSIX) + 2, MSIX_ENABLE, 0)     // PV1
  else confUpdate16(fn, findCapability(fn, PciCapability.MSI) + 2, MSI_ENABLE | 0x70, 0)
  st(dev + PciDev.vectors, 0)
  xfree(vectors)
}

/** Returns the interrupt's number, or an errno. */
function createVector(dev: Ref<'PciDev'>, nr: number, cpu: number): number {
  const vectors = ld(dev + PciDev.vectors)
  const entry = msiEntryOf(ld(dev + PciDev.fn), nr)
  const irq = isMaskable(dev) ? createMsiIrq(entry, cpu) : createUnmaskableMsiIrq(entry, cpu)
  if (irq <= 0) return irq
  st(vectorOf(vectors, nr) + PciVector.irq, irq)
  st(vectorOf(vectors, nr) + PciVector.pirq, NO_PIRQ)
  st(vectors + PciVectors.used, ld(vectors + PciVectors.used) + 1)
  if (ld(vectors + PciVectors.kind) === PCI_MSIX) msixEntryLives(dev, nr)                    // PV2
  return irq
}

// ---- disabling

function disableLocked(dev: Ref<'PciDev'>, messages: PciMessages): Errno {
  const refused = whyNotFree(dev, messages)
  if (refused !== 0) return refused
  for (let nr = messages.first; nr < messages.first + messages.count; nr++) {
    const result = loseVector(dev, nr)
    if (result !== 0) return result
  }
  return 0
}

function whyNotFree(dev: Ref<'PciDev'>, messages: PciMessages): Errno {
  const missing = whyNotKnown(dev, messages)
  if (missing !== 0) return missing
  for (let nr = messages.first; nr < messages.first + messages.count; nr++) {
    if (interruptIsUsed(irqOfMessage(dev, nr))) return -EBUSY
  }
  return 0
}

// Every one of the messages has an interrupt, and for MSI they are all of them.
function whyNotKnown(dev: Ref<'PciDev'>, { kind, first, count }: PciMessages): Errno {
  const vectors = ld(dev + PciDev.vectors)
  if (vectors === 0 || ld(vectors + PciVectors.kind) !== kind) return -EINVAL
  if (kind === PCI_MSI && (first !== 0 || count !== ld(vectors + PciVectors.capacity))) return -EINVAL
  if (!Number.isInteger(first) || !Number.isInteger(count) || count < 1) return -EINVAL
  if (first < 0 || first + count > ld(vectors + PciVectors.capacity)) return -EINVAL
  for (let nr = first; nr < first + count; nr++) if (!messageLives(dev, nr)) return -EINVAL
  return 0
}

function interruptIsUsed(irq: number): boolean {
  const desc = irqDescOf(irq)
  // a moment's look: whoever comes in between is met by destroyIrq
  return load(desc + IrqDesc.action) !== 0 || load(desc + IrqDesc.mappings) !== 0
}

function loseVector(dev: Ref<'PciDev'>, nr: number): Errno {
  const result = destroyVector(dev, nr)
  if (result === 0) closeVectorsIfUnused(dev)
  return result
}

/** Untie and destroy the interrupt of a message; the record of vectors stays. */
function destroyVector(dev: Ref<'PciDev'>, nr: number): Errno {
  const vectors = ld(dev + PciDev.vectors)
  const slot = vectorOf(vectors, nr)
  untie(dev, slot)                                                                           // PV2
  if (ld(vectors + PciVectors.kind) === PCI_MSIX) msixEntryGone(dev, nr)                     // PV2
  const result = destroyIrq(ld(slot + PciVector.irq))
  if (result !== 0) return result
  st(slot + PciVector.irq, 0)
  st(slot + PciVector.pirq, 0)
  st(vectors + PciVectors.used, ld(vectors + PciVectors.used) - 1)
  return 0
}

/** Take back the first `made` of the messages, which nobody else has seen. */
function undoEnable(dev: Ref<'PciDev'>, first: number, made: number): void {
  for (let nr = first; nr < first + made; nr++) {
    if (destroyVector(dev, nr) !== 0) bug('an interrupt that was just made is in use', 'PV3')
  }
  closeVectorsIfUnused(dev)
}

function untie(dev: Ref<'PciDev'>, slot: Ref<'PciVector'>): void {
  const d = ld(dev + PciDev.owner)
  const pirq = ld(slot + PciVector.pirq)
  if (pirq === NO_PIRQ || !isGuestOwner(d)) return
  spinLock(d + Domain.eventLock)
  // others may have untied it, and given the number to another interrupt
  const isOurs = pirqIrqNumber(pirqRecordOf(d, pirq as Pirq)) === ld(slot + PciVector.irq)
  if (isOurs && unmapDomainPirq(d, pirq as Pirq) !== 0) bug('a tied pIRQ could not be untied', 'PV2')
  spinUnlock(d + Domain.eventLock)
  st(slot + PciVector.pirq, NO_PIRQ)
}

// ---- a domain's pIRQs

function refusalOf(d: Ref<'Domain'>, dev: Ref<'PciDev'>): Errno {
  if (dev === 0) return -ENODEV
  if (ld(dev + PciDev.owner) !== d) return -EPERM
  return isDomainDying(d) ? -EINVAL : 0
}

function mapLocked(d: Ref<'Domain'>, dev: Ref<'PciDev'>, messages: PciMessages, pirq: Pirq): Errno {
  const enabled = enableLocked(dev, messages, load(vcpuOf(d, 0) + Vcpu.processor))
  if (enabled !== 0) return enabled
  for (let i = 0; i < messages.count; i++) {
    const result = tie(d, dev, messages.first + i, (pirq + i) as Pirq)
    if (result === 0) continue
    undoEnable(dev, messages.first, messages.count)                                          // PV3
    return result
  }
  return 0
}

function tie(d: Ref<'Domain'>, dev: Ref<'PciDev'>, nr: number, pirq: Pirq): Errno {
  const slot = vectorOf(ld(dev + PciDev.vectors), nr)
  spinLock(d + Domain.eventLock)
  const result = mapDomainPirq(d, pirq, ld(slot + PciVector.irq))
  spinUnlock(d + Domain.eventLock)
  if (result === 0) st(slot + PciVector.pirq, pirq)
  return result
}

function unmapLocked(d: Ref<'Domain'>, dev: Ref<'PciDev'>, messages: PciMessages): Errno {
  const missing = whyNotKnown(dev, messages)
  if (missing !== 0) return missing
  const vectors = ld(dev + PciDev.vectors)
  for (let nr = messages.first; nr < messages.first + messages.count; nr++) {
    if (ld(vectorOf(vectors, nr) + PciVector.pirq) === NO_PIRQ) return -EINVAL
  }
  for (let nr = messages.first; nr < messages.first + messages.count; nr++) {
    const result = loseVector(dev, nr)
    if (result !== 0) return result
  }
  return 0
}

function maskLocked(dev: Ref<'PciDev'>, nr: number, masked: boolean): Errno {
  if (irqOfMessage(dev, nr) <= 0) return -EINVAL
  if (!isMaskable(dev)) return -EOPNOTSUPP
  const entry = msiEntryOf(ld(dev + PciDev.fn), nr)
  if (masked) msiMask(entry, MSI_HOST_MASKED)
  else msiUnmask(entry, MSI_HOST_MASKED)
  return 0
}

// ---- slots

function irqOfMessage(dev: Ref<'PciDev'>, nr: number): number {
  const vectors = ld(dev + PciDev.vectors)
  if (vectors === 0 || !Number.isInteger(nr) || nr < 0 || nr >= ld(vectors + PciVectors.capacity)) return 0
  return ld(vectorOf(vectors, nr) + PciVector.irq)
}

function hasMsixPirq(dev: Ref<'PciDev'>, pirq: number): boolean {
  const vectors = ld(dev + PciDev.vectors)
  if (vectors === 0 || ld(vectors + PciVectors.kind) !== PCI_MSIX) return false
  for (let nr = 0; nr < ld(vectors + PciVectors.capacity); nr++) {
    const slot = vectorOf(vectors, nr)
    if (ld(slot + PciVector.irq) > 0 && ld(slot + PciVector.pirq) === pirq) return true
  }
  return false
}

function vectorOf(vectors: Ref<'PciVectors'>, nr: number): Ref<'PciVector'> {
  return vectors + PciVectors.sizeWords + nr * PciVector.sizeWords
}
