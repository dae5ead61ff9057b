// SPDX-License-Identifier: MIT
/**
 * The guest lines of a record: made, found, asserted, removed (DP-10, DP-11).
 *
 * @xen xen/drivers/passthrough/io.c (digl_list, girq), xen/include/xen/hvm/irq.h
 * Contexts  softirqs, a vCPU's traps, control operations.
 * Locks     eventLock, held by the caller; irqLock inside.
 *
 * GL1  A line is on its record's list and on that of its GSI, or on neither: one block, so that neither can be left (U10).
 * GL2  A wire is low when no line of it waits for the guest, removed ones included.
 * GL3  An edge is asserted once more after the guest's EOI if the guest may have begun to serve the line before it came:
 *      a level source comes again by itself.
 */
import type { Ref } from '@bottomhalf/base'
import { Domain } from '@bottomhalf/domain'
import { hvmPciIntxAssert, hvmPciIntxDeassert, hvmPciIntxGsi, hvmPciIntxLink } from '@bottomhalf/hvm'
import { listAddTail, listDel, listFirst, listNext } from '@bottomhalf/list'
import { ld, st, xfree, xzalloc } from '@bottomhalf/machine'
import { countPending } from '#pending'
import type { PtLineBind } from './binding.js'
import { DPCI_TRANSLATE, girqsOf, GuestLine, HvmIrqDpci, HvmPirqDpci } from './records.js'

type Record = Ref<'HvmPirqDpci'>
type Line = Ref<'GuestLine'>

const LINES = HvmPirqDpci.lines
const IN_RECORD = GuestLine.inRecord
const IN_GSI = GuestLine.inGsi

// ---- walks: 0 at the end. The line that one goes on from is still there.

/** The first line of a record. */
export function firstLine(dpci: Record): Line {
  return lineAt(listFirst(dpci + LINES), IN_RECORD)
}

export function nextLine(line: Line): Line {
  return lineAt(listNext(line + IN_RECORD, ld(line + GuestLine.dpci) + LINES), IN_RECORD)
}

/** The first line of a guest GSI. */
export function firstGirq(state: Ref<'HvmIrqDpci'>, gsi: number): Line {
  return lineAt(listFirst(girqsOf(state, gsi)), IN_GSI)
}

export function nextGirq(state: Ref<'HvmIrqDpci'>, gsi: number, line: Line): Line {
  return lineAt(listNext(line + IN_GSI, girqsOf(state, gsi)), IN_GSI)
}

function lineAt(node: number, offset: number): Line {
  return node === 0 ? 0 : node - offset
}

/** The line of a record that `bind` names; 0 if it has none such. */
export function findLine(dpci: Record, bind: PtLineBind): Line {
  let line = firstLine(dpci)
  while (line !== 0 && !isLine(line, bind)) line = nextLine(line)
  return line
}

function isLine(line: Line, bind: PtLineBind): boolean {
  return ld(line + GuestLine.bus) === bind.bus && ld(line + GuestLine.device) === bind.device &&
    ld(line + GuestLine.intx) === bind.intx
}

// ---- made and removed

/** Add a line to a record; 0 if there is no memory. The domain has its passthrough state. */
export function addLine(d: Ref<'Domain'>, dpci: Record, bind: PtLineBind): Line {
  const line = xzalloc(GuestLine.sizeWords, GuestLine.tag)
  if (line === 0) return 0
  st(line + GuestLine.dpci, dpci)
  st(line + GuestLine.bus, bind.bus)
  st(line + GuestLine.device, bind.device)
  st(line + GuestLine.intx, bind.intx)
  const state = ld(d + Domain.hvmIrqDpci)
  listAddTail(line + IN_RECORD, dpci + LINES)                                                // GL1
  listAddTail(line + IN_GSI, girqsOf(state, gsiOf(line)))
  countLink(state, line, 1)
  return line
}

/** Remove all lines of a record, which waits for nothing any more. */
export function removeLines(d: Ref<'Domain'>, dpci: Record): void {
  for (let line = firstLine(dpci); line !== 0; line = firstLine(dpci)) removeLine(d, line)
  st(dpci + HvmPirqDpci.pending, 0)
}

/** Remove a line; the count of its record is the caller's. */
export function removeLine(d: Ref<'Domain'>, line: Line): void {
  const state = ld(d + Domain.hvmIrqDpci)
  listDel(line + IN_RECORD)                                                                  // GL1
  listDel(line + IN_GSI)
  countLink(state, line, -1)
  if (!wireIsWanted(state, line)) hvmPciIntxDeassert(d, ld(line + GuestLine.device), ld(line + GuestLine.intx))  // GL2
  xfree(line)
}

// Whether another line, of another record or bus, is the same wire of the guest and waits for the guest.
function wireIsWanted(state: Ref<'HvmIrqDpci'>, removed: Line): boolean {
  const gsi = gsiOf(removed)
  for (let line = firstGirq(state, gsi); line !== 0; line = nextGirq(state, gsi, line)) {
    if (isSameWire(line, removed) && ld(line + GuestLine.pending) !== 0) return true
  }
  return false
}

function isSameWire(a: Line, b: Line): boolean {
  return ld(a + GuestLine.device) === ld(b + GuestLine.device) && ld(a + GuestLine.intx) === ld(b + GuestLine.intx)
}

function countLink(state: Ref<'HvmIrqDpci'>, line: Line, count: number): void {
  const word = state + HvmIrqDpci.linkCount + linkOf(line)
  st(word, ld(word) + count)
}

/** The link that a line hangs on. */
export function linkOf(line: Line): number {
  return hvmPciIntxLink(ld(line + GuestLine.device), ld(line + GuestLine.intx))
}

function gsiOf(line: Line): number {
  return hvmPciIntxGsi(ld(line + GuestLine.device), ld(line + GuestLine.intx))
}

// ---- asserted

/** Assert every line of a record, and count each as pending (DP-7). */
export function assertLines(d: Ref<'Domain'>, dpci: Record): void {
  for (let line = firstLine(dpci); line !== 0; line = nextLine(line)) assertLine(d, dpci, line)
}

/** Assert a line of a record, and count it as pending. */
export function assertLine(d: Ref<'Domain'>, dpci: Record, line: Line): void {
  const isNews = hvmPciIntxAssert(d, ld(line + GuestLine.device), ld(line + GuestLine.intx))
  const isEdge = (ld(dpci + HvmPirqDpci.flags) & DPCI_TRANSLATE) !== 0
  countPending(dpci, line, isEdge && !isNews)                                                // GL3
}
