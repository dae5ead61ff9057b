// SPDX-License-Identifier: MIT
/**
 * The hardware: functions that are plugged into slots, with the configuration space that their description asks for.
 *
 *     0x000 header | 0x040 MSI, MSI-X, PCI Express ... | 0x100 ACS, SR-IOV ... | 0xfff
 *
 * A slot is not known to the hypervisor by being full: somebody reports it (`pciAddDevice`).
 *
 * @xen none: this is what lspci shows
 * Contexts  control operations, no lock held; pciFunctionMsi: any, while the function is plugged in.
 * Locks     pcidevs.
 *
 * HW1  What is described badly, or does not fit, is refused and nothing is left of it.
 */
import { bug, EBUSY, EEXIST, EINVAL, ENODEV, ENOMEM, type Errno, type Ref } from '@bottomhalf/base'
import { ld, st, store, xfree, xzalloc } from '@bottomhalf/machine'
import { MsiEntry, msiReset } from '@bottomhalf/irq'
import {
  confRead, confUpdate16, confWrite, findCapability, findExtendedCapability, PciCapability, PciExtendedCapability,
  PciReg,
} from './configSpace.js'
import {
  BAR_IO, BAR_MEMORY64, type BarDescription, descriptionIsValid, type ExpressDescription, type MsiDescription,
  type MsixDescription, PciePort, type PciFunctionDescription, type SriovDescription,
} from './description.js'
import { bdfOf, PciFunction, pcidevsLock, pcidevsUnlock, withBdf } from './records.js'
import { addFunctionLocked, devLocked, functionLocked, removeFunctionLocked } from './segment.js'

const COMMAND_WRITABLE = 0x0547
const STATUS_CAPABILITIES = 0x0010
const FIRST_CAPABILITY = 0x40
const FIRST_EXTENDED = 0x100

const SriovReg = {
  CONTROL: 0x08, TOTAL_VFS: 0x0e, NUM_VFS: 0x10, FIRST_OFFSET: 0x14, STRIDE: 0x16, VF_DEVICE: 0x1a,
} as const
const SRIOV_ENABLE = 1 | 8

/**
 * Plug a function in. -EINVAL: the description makes no sense. -EEXIST: the slot is taken. -ENOMEM.
 */
export function pciPlugFunction(description: PciFunctionDescription): Errno {
  if (!descriptionIsValid(description)) return -EINVAL
  pcidevsLock()
  const result = plugLocked(description, -1)
  pcidevsUnlock()
  return result
}

/** Pull a function out. -ENODEV: the slot is empty. -EBUSY: the device is known still, or has virtual functions. */
export function pciUnplugFunction(sbdf: number): Errno {
  pcidevsLock()
  const result = unplugLocked(sbdf)
  pcidevsUnlock()
  return result
}

/**
 * Let a physical function have its first `count` virtual ones (0: none): their slots fill, or empty. -ENODEV: no such
 * function, or it has none to give. -EINVAL: more than it has, or they do not fit behind it. -EBUSY: they are on already,
 * or known as devices. -EEXIST: a slot is taken. -ENOMEM.
 */
export function pciEnableVirtualFunctions(sbdf: number, count: number): Errno {
  pcidevsLock()
  const fn = functionLocked(sbdf)
  const at = fn === 0 ? 0 : findExtendedCapability(fn, PciExtendedCapability.SRIOV)
  const result = at === 0 ? -ENODEV : setVirtualFunctionsLocked(fn, at, count)
  pcidevsUnlock()
  return result
}

/** The address of a function's virtual function `index`, by its capability; -1 if it lies beyond the last slot. */
function virtualFunctionOf(fn: Ref<'PciFunction'>, at: number, index: number): number {
  const sbdf = ld(fn + PciFunction.sbdf) >>> 0
  const bdf = bdfOf(sbdf) + confRead(fn, at + SriovReg.FIRST_OFFSET, 2) + index * confRead(fn, at + SriovReg.STRIDE, 2)
  return bdf > 0xffff ? -1 : withBdf(sbdf, bdf)
}

/** Message entry `nr` of the function in a slot, for its device model; 0 if there is none. Valid until it is pulled out. */
export function pciFunctionMsi(sbdf: number, nr: number): Ref<'MsiEntry'> {
  pcidevsLock()
  const fn = functionLocked(sbdf)
  const entry = fn === 0 || nr < 0 || nr >= ld(fn + PciFunction.msiEntries) ? 0 : msiEntryOf(fn, nr)
  pcidevsUnlock()
  return entry
}

/** Message entry `nr` of a function that has it. */
export function msiEntryOf(fn: Ref<'PciFunction'>, nr: number): Ref<'MsiEntry'> {
  return fn + PciFunction.sizeWords + nr * MsiEntry.sizeWords
}

/** Messages that the MSI capability offers; 0 without one. */
export function msiVectorCount(fn: Ref<'PciFunction'>): number {
  const at = findCapability(fn, PciCapability.MSI)
  return at === 0 ? 0 : 1 << ((confRead(fn, at + 2, 2) >>> 1) & 7)
}

/** Entries of the MSI-X table; 0 without one. */
export function msixEntryCount(fn: Ref<'PciFunction'>): number {
  const at = findCapability(fn, PciCapability.MSIX)
  return at === 0 ? 0 : (confRead(fn, at + 2, 2) & 0x7ff) + 1
}

// ---- plugging

function plugLocked(o: PciFunctionDescription, physfn: number): Errno {
  if (functionLocked(o.sbdf) !== 0) return -EEXIST
  const entries = Math.max(o.msi?.vectors ?? 0, o.msix?.entries ?? 0)
  const fn = xzalloc(PciFunction.sizeWords + entries * MsiEntry.sizeWords, PciFunction.tag)
  if (fn === 0) return -ENOMEM
  st(fn + PciFunction.sbdf, o.sbdf | 0)
  st(fn + PciFunction.msiEntries, entries)
  st(fn + PciFunction.vfMsixEntries, o.sriov?.vfMsixEntries ?? 0)
  st(fn + PciFunction.physfn, physfn)
  for (let nr = 0; nr < entries; nr++) msiReset(msiEntryOf(fn, nr))
  writeHeader(fn, o)
  writeCapabilities(fn, o)
  const result = addFunctionLocked(o.sbdf, fn)
  if (result !== 0) xfree(fn)                                                                // HW1
  return result
}

function unplugLocked(sbdf: number): Errno {
  const fn = functionLocked(sbdf)
  if (fn === 0) return -ENODEV
  if (devLocked(sbdf) !== 0 || virtualFunctionCount(fn) !== 0) return -EBUSY
  removeFunctionLocked(sbdf)
  xfree(fn)
  return 0
}

function setVirtualFunctionsLocked(fn: Ref<'PciFunction'>, at: number, count: number): Errno {
  if (!Number.isInteger(count) || count < 0 || count > confRead(fn, at + SriovReg.TOTAL_VFS, 2)) return -EINVAL
  const old = virtualFunctionCount(fn)
  if (count > 0 && old > 0) return -EBUSY
  if (count > 0 && virtualFunctionOf(fn, at, count - 1) < 0) return -EINVAL
  const result = count > 0 ? plugVirtualFunctions(fn, at, count) : unplugVirtualFunctions(fn, at, old)
  if (result !== 0) return result
  confWrite(fn, at + SriovReg.NUM_VFS, 2, count)
  confUpdate16(fn, at + SriovReg.CONTROL, SRIOV_ENABLE, count > 0 ? SRIOV_ENABLE : 0)
  return 0
}

function plugVirtualFunctions(fn: Ref<'PciFunction'>, at: number, count: number): Errno {
  const physfn = bdfOf(ld(fn + PciFunction.sbdf) >>> 0)
  for (let index = 0; index < count; index++) {
    const result = plugLocked(describeVirtualFunction(fn, at, index), physfn)
    if (result === 0) continue
    // nobody had time to report them: pcidevs was held all the while
    if (unplugVirtualFunctions(fn, at, index) !== 0) bug('a virtual function that was just made is busy', 'HW1')
    return result
  }
  return 0
}

function unplugVirtualFunctions(fn: Ref<'PciFunction'>, at: number, count: number): Errno {
  for (let index = 0; index < count; index++) {
    if (devLocked(virtualFunctionOf(fn, at, index)) !== 0) return -EBUSY
  }
  for (let index = 0; index < count; index++) {
    if (unplugLocked(virtualFunctionOf(fn, at, index)) !== 0) bug('a virtual function is gone', 'HW1')
  }
  return 0
}

function describeVirtualFunction(fn: Ref<'PciFunction'>, at: number, index: number): PciFunctionDescription {
  return {
    // its BARs stand in the physical function's capability
    sbdf: virtualFunctionOf(fn, at, index),
    vendorId: confRead(fn, PciReg.VENDOR_ID, 2), deviceId: confRead(fn, at + SriovReg.VF_DEVICE, 2),
    classCode: confRead(fn, PciReg.CLASS_REVISION, 4) >>> 8,
    express: { portType: PciePort.ENDPOINT },
    msix: { entries: ld(fn + PciFunction.vfMsixEntries), bar: 0, offset: 0 },
  }
}

/** How many virtual functions are on. */
function virtualFunctionCount(fn: Ref<'PciFunction'>): number {
  const at = findExtendedCapability(fn, PciExtendedCapability.SRIOV)
  return at === 0 ? 0 : confRead(fn, at + SriovReg.NUM_VFS, 2)
}

// ---- configuration space; the function is not plugged in yet, so nobody else looks

function writeHeader(fn: Ref<'PciFunction'>, o: PciFunctionDescription): void {
  put(fn, PciReg.VENDOR_ID, o.vendorId | (o.deviceId << 16), 0)
  put(fn, PciReg.COMMAND, STATUS_CAPABILITIES << 16, COMMAND_WRITABLE)
  put(fn, PciReg.CLASS_REVISION, o.classCode << 8, 0)
  const type = (o.bridge === undefined ? 0 : 1) | (o.multiFunction === true ? 0x80 : 0)
  put(fn, PciReg.HEADER_TYPE & ~3, type << 16, 0)
  put(fn, PciReg.INTERRUPT_LINE, (o.interruptLine ?? 0) | ((o.interruptPin ?? 0) << 8), 0xff)
  writeBars(fn, o.bars ?? [])
  if (o.bridge === undefined) return
  const own = (o.sbdf >>> 8) & 0xff
  put(fn, PciReg.PRIMARY_BUS, own | (o.bridge.secondary << 8) | (o.bridge.subordinate << 16), 0xffffff)
}

// The bits of a BAR below its size are not writable: writing all ones and reading back tells the size.
function writeBars(fn: Ref<'PciFunction'>, bars: readonly BarDescription[]): void {
  let reg: number = PciReg.BASE_ADDRESS_0
  for (const { kind, sizeBytes } of bars) {
    const sizeBits = -sizeBytes | 0
    if (kind === BAR_IO) put(fn, reg, 1, sizeBits & ~3)
    else put(fn, reg, kind === BAR_MEMORY64 ? 4 : 0, sizeBits & ~0xf)
    reg += 4
    if (kind !== BAR_MEMORY64) continue
    put(fn, reg, 0, -1)
    reg += 4
  }
}

function writeCapabilities(fn: Ref<'PciFunction'>, o: PciFunctionDescription): void {
  let at = FIRST_CAPABILITY
  if (o.msi !== undefined) at = writeMsi(fn, at, o.msi)
  if (o.msix !== undefined) at = writeMsix(fn, at, o.msix)
  if (o.express === undefined) return
  writeExpress(fn, at, o.express)
  let extended = FIRST_EXTENDED
  if (o.acs !== undefined) extended = writeAcs(fn, extended, o.acs)
  if (o.sriov !== undefined) writeSriov(fn, extended, o.sriov)
}

function writeMsi(fn: Ref<'PciFunction'>, at: number, o: MsiDescription): number {
  const multiple = 31 - Math.clz32(o.vectors)
  const control = (multiple << 1) | 0x80 | (o.maskable ? 0x100 : 0)
  linkCapability(fn, at, PciCapability.MSI)
  put(fn, at, control << 16, 0x71 << 16)
  put(fn, at + 4, 0, ~3)                                   // address
  put(fn, at + 8, 0, -1)
  put(fn, at + 12, 0, 0xffff)                              // data
  if (!o.maskable) return at + 0x10
  put(fn, at + 16, 0, o.vectors === 32 ? -1 : (1 << o.vectors) - 1)
  return at + 0x18
}

function writeMsix(fn: Ref<'PciFunction'>, at: number, o: MsixDescription): number {
  linkCapability(fn, at, PciCapability.MSIX)
  put(fn, at, (o.entries - 1) << 16, 0xc000 << 16)
  put(fn, at + 4, o.offset | o.bar, 0)
  return at + 0x0c
}

function writeExpress(fn: Ref<'PciFunction'>, at: number, o: ExpressDescription): void {
  linkCapability(fn, at, PciCapability.EXPRESS)
  put(fn, at, (2 | (o.portType << 4)) << 16, 0)
  put(fn, at + 4, ((o.phantomBits ?? 0) << 3) | (1 << 28), 0)      // it can reset itself
  put(fn, at + 8, 0, 0xffff)
}

function writeAcs(fn: Ref<'PciFunction'>, at: number, supported: number): number {
  linkExtended(fn, at, PciExtendedCapability.ACS)
  put(fn, at + 4, supported, supported << 16)
  return at + 8
}

function writeSriov(fn: Ref<'PciFunction'>, at: number, o: SriovDescription): void {
  linkExtended(fn, at, PciExtendedCapability.SRIOV)
  put(fn, at + SriovReg.CONTROL, 0, 0x19)
  put(fn, at + 0x0c, o.totalVfs | (o.totalVfs << 16), 0)
  put(fn, at + SriovReg.NUM_VFS, 0, 0xffff)
  put(fn, at + SriovReg.FIRST_OFFSET, o.firstOffset | (o.stride << 16), 0)
  put(fn, at + 0x18, o.vfDeviceId << 16, 0)
}

/** Write a word and say which of its bits software may change; bits that other calls wrote in it stay. */
function put(fn: Ref<'PciFunction'>, reg: number, value: number, writable: number): void {
  const config = fn + PciFunction.config + (reg >> 2)
  store(config, ld(config) | value)
  st(fn + PciFunction.writable + (reg >> 2), ld(fn + PciFunction.writable + (reg >> 2)) | writable)
}

// The last capability of the chain ends with 0, and so does an empty chain: the new one is written there.
function linkCapability(fn: Ref<'PciFunction'>, at: number, id: number): void {
  let link: number = PciReg.CAPABILITY_LIST
  for (let next = confRead(fn, link, 1); next !== 0; next = confRead(fn, link, 1)) link = next + 1
  put(fn, link & ~3, at << (8 * (link & 3)), 0)
  put(fn, at, id, 0)
}

function linkExtended(fn: Ref<'PciFunction'>, at: number, id: number): void {
  if (at > FIRST_EXTENDED) put(fn, FIRST_EXTENDED, at << 20, 0)
  put(fn, at, id | (1 << 16), 0)
}
