// SPDX-License-Identifier: MIT
/**
 * Where the devices of a scenario are plugged in: a bus per guest, from 1 on, and their messages.
 *
 * Contexts  plugDevices: CPU 0, at boot.  messageOf: any, afterwards.
 *
 * SL1  The hardware is plugged in before anything runs; that the hypervisor is told of it, and forgets it, are events of a
 *      run. A function that there was no memory for has no messages: whoever wires its device refuses the scenario.
 */
import { global, ld, st, struct, word, words, xzalloc } from '@bottomhalf/machine'
import { BAR_MEMORY32, PCI_MSI, PCI_MSIX, pciFunctionMsi, pciPlugFunction, PciePort } from '@bottomhalf/passthrough-pci'
import type { Ref } from '@bottomhalf/base'
import type { DeviceScenario, Scenario } from '@bottomhalf/scenario'

/** Messages of one function at most. */
const MOST_MESSAGES = 64
const VENDOR = 0xb07f
const NETWORK_CLASS = 0x020000

const Slot = struct('HostSlot', {
  // written at boot, constant after: addresses of the device's messages
  messages: words(MOST_MESSAGES),
})

const Slots = global('hostSlots', {
  // written at boot, constant after: a Slot per device, in the scenario's order; 0 if there is none
  first: word,
})

/** The address of device `nr` of guest `guest`, both from 0. */
export function sbdfOf(guest: number, nr: number): number {
  return (guest + 1) << 8 | (nr & 31) << 3 | nr >> 5
}

/** How many interrupts a device has. */
export function interruptsOf({ interrupt }: DeviceScenario): number {
  return interrupt.kind === 'msix' ? interrupt.vectors : 1
}

/** Which kind of messages a device sends. */
export function messageKindOf({ interrupt }: DeviceScenario): number {
  return interrupt.kind === 'msix' ? PCI_MSIX : PCI_MSI
}

/** Plug in all devices of a scenario. */
export function plugDevices({ guests }: Scenario): void {
  const count = guests.reduce((sum, { devices }) => sum + devices.length, 0)
  const first = count === 0 ? 0 : xzalloc(count * Slot.sizeWords, Slot.tag)
  st(Slots.base + Slots.first, first)
  let slot = first
  for (const [g, { devices }] of guests.entries()) {
    for (const [i, device] of devices.entries()) {
      if (slot === 0) return                                           // SL1
      plug(device, sbdfOf(g, i), slot)
      slot += Slot.sizeWords
    }
  }
}

/** Message `nr` of device `nth` of the scenario; 0 if it has none. */
export function messageOf(nth: number, nr: number): Ref<'MsiEntry'> {
  const first = ld(Slots.base + Slots.first)
  return first === 0 ? 0 : ld(first + nth * Slot.sizeWords + Slot.messages + nr)
}

function plug(device: DeviceScenario, sbdf: number, slot: number): void {
  const { interrupt } = device
  const isMsix = interrupt.kind === 'msix'
  const isMsi = interrupt.kind !== 'msix' && interrupt.kind !== 'intx'
  const plugged = pciPlugFunction({
    sbdf, vendorId: VENDOR, deviceId: sbdf & 0xffff, classCode: NETWORK_CLASS, multiFunction: true,
    bars: [{ kind: BAR_MEMORY32, sizeBytes: 4096 }], express: { portType: PciePort.ENDPOINT },
    ...interrupt.kind === 'intx' ? { interruptPin: 1, interruptLine: interrupt.line } : {},
    ...isMsix ? { msix: { entries: interrupt.vectors, bar: 0, offset: 0 } } : {},
    ...isMsi ? { msi: { vectors: 1, maskable: interrupt.kind !== 'unmaskable' } } : {},
  })
  if (plugged !== 0) return                                            // SL1
  for (let nr = 0; nr < interruptsOf(device); nr++) st(slot + Slot.messages + nr, pciFunctionMsi(sbdf, nr))
}
