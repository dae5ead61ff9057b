// SPDX-License-Identifier: MIT
/**
 * Segments, and what is looked up in them: functions, devices, the bridge above a bus, read-only functions.
 *
 * @xen xen/drivers/passthrough/pci.c (alloc_pseg, pci_get_pdev, find_upstream_bridge, pci_ro_device)
 * Locks     pcidevs, held by the caller of all here.
 *
 * SG1  A segment exists while it has hardware.
 * SG2  A bridge's own bus is below its secondary one, so a walk upward ends.
 */
import { EEXIST, ENODEV, ENOMEM, type Errno, type Ref } from '@bottomhalf/base'
import {
  bitmapClear, bitmapSet, bitmapTest, sparseInit, sparseInsert, sparseDelete, sparseIsEmpty, sparseLookup,
} from '@bottomhalf/atomics'
import { ld, st, xfree, xzalloc } from '@bottomhalf/machine'
import { listAddTail, listDel, listFirst, listInit, listNext } from '@bottomhalf/list'
import {
  bdfOf, busOf, LEGACY_PCI_BRIDGE, Pci, PciDev, PciSegment, PCIE_TO_PCI_BRIDGE, segmentNumberOf, withBdf,
} from './records.js'

const BUSES = 256
const READ_ONLY_WORDS = 0x10000 / 32

/** Answer of `upstreamBridgeLocked` where no legacy bridge is above the bus. */
export const NO_BRIDGE = -1

/** The segment of an address; 0 if it has no hardware. */
export function segmentOfLocked(sbdf: number): Ref<'PciSegment'> {
  const wanted = segmentNumberOf(sbdf)
  for (let node = listFirst(segments()); node !== 0; node = listNext(node, segments())) {
    const segment = node - PciSegment.node
    if (ld(segment + PciSegment.segment) === wanted) return segment
  }
  return 0
}

/** The hardware at an address; 0 if the slot is empty. */
export function functionLocked(sbdf: number): Ref<'PciFunction'> {
  const segment = segmentOfLocked(sbdf)
  return segment === 0 ? 0 : sparseLookup(segment + PciSegment.functions, bdfOf(sbdf))
}

/** The known device at an address; 0 if there is none. */
export function devLocked(sbdf: number): Ref<'PciDev'> {
  const segment = segmentOfLocked(sbdf)
  return segment === 0 ? 0 : sparseLookup(segment + PciSegment.devices, bdfOf(sbdf))
}

/** Put hardware into a slot. -EEXIST: it is taken. -ENOMEM. */
export function addFunctionLocked(sbdf: number, fn: Ref<'PciFunction'>): Errno {
  const segment = segmentOfLocked(sbdf)
  if (segment !== 0) return sparseInsert(segment + PciSegment.functions, bdfOf(sbdf), fn)
  const fresh = createSegment(segmentNumberOf(sbdf))
  if (fresh === 0) return -ENOMEM
  const result = sparseInsert(fresh + PciSegment.functions, bdfOf(sbdf), fn)
  if (result !== 0) freeSegment(fresh)
  return result
}

/** Take hardware out of its slot; a segment that had nothing else goes too (SG1). */
export function removeFunctionLocked(sbdf: number): void {
  const segment = segmentOfLocked(sbdf)
  sparseDelete(segment + PciSegment.functions, bdfOf(sbdf))
  if (isReadOnlyLocked(sbdf)) bitmapClear(ld(segment + PciSegment.readOnly), bdfOf(sbdf))
  if (sparseIsEmpty(segment + PciSegment.functions)) freeSegment(segment)
}

/** Enter a device. -ENOMEM: nothing was changed. */
export function addDevLocked(dev: Ref<'PciDev'>): Errno {
  const sbdf = ld(dev + PciDev.sbdf)
  const segment = segmentOfLocked(sbdf)
  const result = sparseInsert(segment + PciSegment.devices, bdfOf(sbdf), dev)
  if (result !== 0) return result
  listAddTail(dev + PciDev.node, segment + PciSegment.list)
  if (hidesRequesters(dev)) mapBridges(segment)
  return 0
}

/** Forget a device. */
export function removeDevLocked(dev: Ref<'PciDev'>): void {
  const sbdf = ld(dev + PciDev.sbdf)
  const segment = segmentOfLocked(sbdf)
  sparseDelete(segment + PciSegment.devices, bdfOf(sbdf))
  listDel(dev + PciDev.node)
  if (hidesRequesters(dev)) mapBridges(segment)
}

/** The known device after `dev` in its segment, in the order in which they were added; the first for 0. 0 at the end. */
export function nextDevLocked(segment: Ref<'PciSegment'>, dev: Ref<'PciDev'>): Ref<'PciDev'> {
  const list = segment + PciSegment.list
  const node = dev === 0 ? listFirst(list) : listNext(dev + PciDev.node, list)
  return node === 0 ? 0 : node - PciDev.node
}

/** The segment after `segment`; the first for 0. 0 at the end. */
export function nextSegmentLocked(segment: Ref<'PciSegment'>): Ref<'PciSegment'> {
  const node = segment === 0 ? listFirst(segments()) : listNext(segment + PciSegment.node, segments())
  return node === 0 ? 0 : node - PciSegment.node
}

/**
 * The outermost legacy bridge above a function: whatever is behind it reaches memory under one requester id. Returns its
 * sbdf, or NO_BRIDGE.
 */
export function upstreamBridgeLocked(sbdf: number): number {
  const segment = segmentOfLocked(sbdf)
  if (segment === 0) return NO_BRIDGE
  let found = NO_BRIDGE
  for (let bus = busOf(sbdf); ;) {                                                           // SG2
    const bridge = ld(segment + PciSegment.bridges + bus)
    if (bridge === 0) return found
    found = withBdf(sbdf, bridge - 1)
    bus = busOf(found)
  }
}

/** Let nobody but the hypervisor write a function's configuration space. -ENODEV: no such hardware. -EEXIST. -ENOMEM. */
export function makeReadOnlyLocked(sbdf: number): Errno {
  if (functionLocked(sbdf) === 0) return -ENODEV
  const segment = segmentOfLocked(sbdf)
  if (isReadOnlyLocked(sbdf)) return -EEXIST
  if (ld(segment + PciSegment.readOnly) === 0) {
    const map = xzalloc(READ_ONLY_WORDS, PciSegment.tag)
    if (map === 0) return -ENOMEM
    st(segment + PciSegment.readOnly, map)
  }
  bitmapSet(ld(segment + PciSegment.readOnly), bdfOf(sbdf))
  return 0
}

export function isReadOnlyLocked(sbdf: number): boolean {
  const segment = segmentOfLocked(sbdf)
  const map = segment === 0 ? 0 : ld(segment + PciSegment.readOnly)
  return map !== 0 && bitmapTest(map, bdfOf(sbdf))
}

/** Whether requester ids end at this device. */
function hidesRequesters(dev: Ref<'PciDev'>): boolean {
  const kind = ld(dev + PciDev.kind)
  return kind === PCIE_TO_PCI_BRIDGE || kind === LEGACY_PCI_BRIDGE
}

// The innermost bridge above a bus is the one with the highest secondary bus number, in whatever order they became known.
function mapBridges(segment: Ref<'PciSegment'>): void {
  for (let bus = 0; bus < BUSES; bus++) st(segment + PciSegment.bridges + bus, innermostBridge(segment, bus))
}

function innermostBridge(segment: Ref<'PciSegment'>, bus: number): number {
  let best = 0
  let secondary = -1
  for (let dev = nextDevLocked(segment, 0); dev !== 0; dev = nextDevLocked(segment, dev)) {
    if (!hidesRequesters(dev) || ld(dev + PciDev.secondaryBus) <= secondary) continue
    if (bus < ld(dev + PciDev.secondaryBus) || bus > ld(dev + PciDev.subordinateBus)) continue
    secondary = ld(dev + PciDev.secondaryBus)
    best = 1 + bdfOf(ld(dev + PciDev.sbdf))
  }
  return best
}

function createSegment(number: number): Ref<'PciSegment'> {
  const segment = xzalloc(PciSegment.sizeWords, PciSegment.tag)
  if (segment === 0) return 0
  st(segment + PciSegment.segment, number)
  sparseInit(segment + PciSegment.functions)
  sparseInit(segment + PciSegment.devices)
  listInit(segment + PciSegment.list)
  listAddTail(segment + PciSegment.node, segments())
  return segment
}

function freeSegment(segment: Ref<'PciSegment'>): void {
  listDel(segment + PciSegment.node)
  const map = ld(segment + PciSegment.readOnly)
  if (map !== 0) xfree(map)
  xfree(segment)
}

function segments(): number {
  return Pci.base + Pci.segments
}
