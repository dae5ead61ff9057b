// SPDX-License-Identifier: MIT
/**
 * A guest's writes to the vector tables of its devices, and its device model, which looks at what was written (PCI-8).
 *
 *     guest        4 or 8 bytes to the page of a table: a VM exit
 *     hypervisor   keeps what they say; the mask bit is its own
 *     model        an entry that was written is about to be unmasked: its message goes from now on where the entry says
 *
 * Contexts  the guest's vCPU, inside a VM entry; the device model answers before it goes on.
 * Locks     eventLock, in the model's hypercall.
 *
 * VT1  The model changes where a message goes that is bound, within the guest, and nothing else: whatever was written, nobody
 *      else is told, and after an unbind nobody at all (I2).
 */
import { Vcpu } from '@bottomhalf/domain'
import { VMSI_DELIVERY_SHIFT, VMSI_LEVEL, VMSI_LOGICAL, VMSI_REDIRECTION_HINT } from '@bottomhalf/hvm'
import { ld } from '@bottomhalf/machine'
import { PT_IRQ_TYPE_MSI, ptIrqUpdateMsi } from '@bottomhalf/passthrough-io'
import { MSIX_TO_MODEL, msixModelDone, msixTableRead, msixTableWrite } from '@bottomhalf/passthrough-pci'
import { hypervisorEnter, hypervisorLeave } from '@bottomhalf/sched'
import { Driver } from './driver.js'
import type { Pirq, Ref } from '@bottomhalf/base'

/** Bytes of an entry: the address (two words), the data, the mask bit. */
export const ENTRY_BYTES = 16
const DATA = 8
const CONTROL = 12

// Fields of an address and of data, as devices send them.
const DEST_SHIFT = 12
const REDIRECTION_HINT = 1 << 3
const LOGICAL = 1 << 2
const DELIVERY_SHIFT = 8
const LEVEL = 1 << 15

/** A guest's store, `high` behind `low` if it has 8 bytes. */
export interface TableStore {
  readonly address: number, readonly sizeBytes: number, readonly low: number, readonly high: number
}

/** Write to a table of a driver in the chain from `drivers` on. Other sizes, and what is not aligned, reach nothing. */
export function storeToTable(v: Ref<'Vcpu'>, drivers: Ref<'Driver'>, store: TableStore): void {
  const { address, sizeBytes, low, high } = store
  if ((sizeBytes !== 4 && sizeBytes !== 8) || address % sizeBytes !== 0) return
  hypervisorEnter()
  writeWord(v, drivers, address, low)
  if (sizeBytes === 8) writeWord(v, drivers, address + 4, high)
  hypervisorLeave()
}

function writeWord(v: Ref<'Vcpu'>, drivers: Ref<'Driver'>, address: number, value: number): void {
  const d = ld(v + Vcpu.domain)
  let answer = msixTableWrite(d, address, value)
  while (answer === MSIX_TO_MODEL) {                       // again, if another vCPU wrote meanwhile
    const driver = driverOfEntry(drivers, address - CONTROL)
    if (driver !== 0) followEntry(d, driver)
    answer = msixModelDone(d, address)
  }
}

/** The driver whose message has its entry at an address; 0 if none has. */
function driverOfEntry(drivers: Ref<'Driver'>, address: number): Ref<'Driver'> {
  let driver = drivers
  while (driver !== 0 && ld(driver + Driver.entry) >>> 0 !== address) driver = ld(driver + Driver.next)
  return driver
}

// What makes no sense is refused, and the message goes where it went.
function followEntry(d: Ref<'Domain'>, driver: Ref<'Driver'>): void {
  const entry = ld(driver + Driver.entry) >>> 0
  const data = msixTableRead(d, entry + DATA)
  const gflags = destinationOf(msixTableRead(d, entry)) | triggerOf(data)
  void ptIrqUpdateMsi(d, { type: PT_IRQ_TYPE_MSI, pirq: ld(driver + Driver.pirq) as Pirq, gvec: data & 0xff, gflags }) // VT1
}

function destinationOf(address: number): number {
  const hint = (address & REDIRECTION_HINT) === 0 ? 0 : VMSI_REDIRECTION_HINT
  return (address >>> DEST_SHIFT & 0xff) | hint | ((address & LOGICAL) === 0 ? 0 : VMSI_LOGICAL)
}

function triggerOf(data: number): number {
  return (data >>> DELIVERY_SHIFT & 7) << VMSI_DELIVERY_SHIFT | ((data & LEVEL) === 0 ? 0 : VMSI_LEVEL)
}
