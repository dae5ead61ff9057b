// SPDX-License-Identifier: MIT
/**
 * The devices of a sequence, and the control operations that bind one to a domain or take it back: one answer, and what fails
 * in the middle is undone.
 */
import { bug, type DomId, type Pirq } from '@bottomhalf/base'
import { requests, type BindIrq, type ControlRequest, type Messages } from '@bottomhalf/hypervisor'
import { hvmPciIntxGsi } from '@bottomhalf/hvm'
import { LINE_LEVEL, limitedArrivals } from '@bottomhalf/irq'
import { global, irqDisable, irqEnable, ld, st, type Susp, words } from '@bottomhalf/machine'
import {
  GFLAGS_UNMASKED, PT_IRQ_TYPE_MSI, PT_IRQ_TYPE_MSI_TRANSLATE, PT_IRQ_TYPE_PCI,
} from '@bottomhalf/passthrough-io'
import { BAR_MEMORY32, PCI_MSI, PCI_MSIX, pciAddDevice, pciFunctionMsi, pciPlugFunction } from '@bottomhalf/passthrough-pci'
import {
  Device, deviceCreate, deviceCreateOnLine, deviceEnableLine, type DriverPlace,
} from '../../src/index.js'
import { DEVICES, kinds, type Kind } from './script.js'

const LINE = 20
const FIRST_GVEC = 0x30

type Ask = Susp<(request: ControlRequest<unknown>) => number>

// written at boot: whoever is no CPU cannot ask for them
const OnBus = global('sequenceMessages', { entries: words(DEVICES) })

const kindOf = (device: number): Kind => kinds[device] ?? 'msi'
const isOnBus = (device: number): boolean => kindOf(device) !== 'msi' && kindOf(device) !== 'line'
const hasTable = (device: number): boolean => kindOf(device) === 'msix'
/** Where a guest sees the vector table of a device. */
const tableOf = (device: number): number => 0xfe00_0000 + device * 4096
const sbdfOf = (device: number): number => device + 1 << 8

/** CPU 0: plug in the devices that are on a bus, and make them known. */
export function plugDevices(): void {
  irqEnable()
  for (let device = 0; device < DEVICES; device++) {
    if (!isOnBus(device)) continue
    const sbdf = sbdfOf(device)
    const plugged = pciPlugFunction({
      sbdf, vendorId: 0x1234, deviceId: 1, classCode: 0x020000,
      ...hasTable(device)
        ? { bars: [{ kind: BAR_MEMORY32, sizeBytes: 4096 }], msix: { entries: 2, bar: 0, offset: 0 } }
        : { msi: { vectors: 1, maskable: kindOf(device) !== 'unmaskable' } },
    })
    const added = plugged === 0 ? pciAddDevice(sbdf, {}) : plugged
    if (added !== 0) bug(`a device could not be plugged in: ${added}`)
    st(OnBus.base + OnBus.entries + device, pciFunctionMsi(sbdf, 0))
  }
  irqDisable()
}

/** Make the machine's end of a device. */
export function makeDevice(device: number): number {
  if (kindOf(device) === 'line') return makeLineDevice()
  return deviceCreate(isOnBus(device) ? ld(OnBus.base + OnBus.entries + device) : 0)
}

// It holds its line up only while it is bound: others share it.
function makeLineDevice(): number {
  const made = deviceCreateOnLine(LINE)
  deviceEnableLine(made, false)
  return made
}

/** Where its interrupt goes in a guest. */
export function placeOf(device: number): Pick<DriverPlace, 'gvec' | 'gsi' | 'entry'> {
  const gvec = FIRST_GVEC + device
  if (hasTable(device)) return { gvec, entry: tableOf(device) }
  return kindOf(device) === 'line' || kindOf(device) === 'translate' ? { gvec, gsi: hvmPciIntxGsi(device, 0) } : { gvec }
}

/** Interrupts of a device that the rate limit has dropped; those of a line come again by themselves. */
export function droppedOf(made: number): number {
  const message = ld(made + Device.message)
  return message === 0 ? 0 : limitedArrivals(message)
}

/** Give a device to a domain, as its pIRQ. */
export function bindDevice(ask: Ask, domId: DomId, pirq: Pirq, device: number, made: number): number {
  if (kindOf(device) === 'msi') {
    const place = { domId, pirq, msi: made + Device.msi, gvec: FIRST_GVEC + device, gflags: GFLAGS_UNMASKED }
    return ask(requests.bindMsi(place))
  }
  const taken = isOnBus(device) ? ask(requests.assignDevice(domId, sbdfOf(device))) : 0
  if (taken !== 0) return taken
  const mapped = ask(mapRequest(domId, pirq, device))
  if (mapped === 0 && hasTable(device)) must(ask(requests.registerTable(domId, pirq, tableOf(device))))
  const bound = mapped === 0 ? ask(requests.bindIrq(domId, bindOf(pirq, device))) : mapped
  if (mapped === 0 && bound !== 0) must(ask(unmapRequest(domId, pirq, device)))
  if (bound !== 0 && isOnBus(device)) must(ask(requests.deassignDevice(domId, sbdfOf(device))))
  if (bound === 0) deviceEnableLine(made, true)
  return bound
}

/** Take it back. */
export function unbindDevice(ask: Ask, domId: DomId, pirq: Pirq, device: number, made: number): number {
  if (kindOf(device) === 'msi') return ask(requests.unbindMsi(domId, pirq))
  const unbound = ask(requests.unbindIrq(domId, bindOf(pirq, device)))
  if (unbound !== 0) return unbound
  deviceEnableLine(made, false)
  if (hasTable(device)) must(ask(requests.unregisterTable(domId, pirq)))
  const unmapped = ask(unmapRequest(domId, pirq, device))
  if (unmapped !== 0 || !isOnBus(device)) return unmapped
  return ask(requests.deassignDevice(domId, sbdfOf(device)))
}

function mapRequest(domId: DomId, pirq: Pirq, device: number): ControlRequest<unknown> {
  if (kindOf(device) === 'line') return requests.mapLine(domId, pirq, LINE, LINE_LEVEL)
  return requests.mapMessages(domId, messageOf(device), pirq)
}

function unmapRequest(domId: DomId, pirq: Pirq, device: number): ControlRequest<unknown> {
  if (kindOf(device) === 'line') return requests.unmapLine(domId, pirq)
  return requests.unmapMessages(domId, messageOf(device))
}

function messageOf(device: number): Messages {
  return { sbdf: sbdfOf(device), kind: hasTable(device) ? PCI_MSIX : PCI_MSI, first: 0, count: 1 }
}

function bindOf(pirq: Pirq, device: number): BindIrq {
  switch (kindOf(device)) {
    case 'line': return { type: PT_IRQ_TYPE_PCI, pirq, device, intx: 0 }
    case 'translate': return { type: PT_IRQ_TYPE_MSI_TRANSLATE, pirq, device, intx: 0 }
    default: return { type: PT_IRQ_TYPE_MSI, pirq, gvec: FIRST_GVEC + device, gflags: GFLAGS_UNMASKED }
  }
}

function must(result: number): void {
  if (result !== 0) bug(`what was done cannot be undone: ${result}`, 'SEQ1')
}
