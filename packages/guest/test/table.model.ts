// SPDX-License-Identifier: MIT
/** A good guest and one that writes any value into its vector table, each with an MSI-X device: see `table.stepped.test.ts`. */
import { bug, type DomId, type Pirq } from '@bottomhalf/base'
import { everythingFreed, requests, type ControlRequest } from '@bottomhalf/hypervisor'
import { AWAIT_EQ, awaitWord, cpuRelax, irqDisable, global, irqEnable, ld, load, requestStop, st, Stop, words } from '@bottomhalf/machine'
import { GFLAGS_UNMASKED, PT_IRQ_TYPE_MSI } from '@bottomhalf/passthrough-io'
import { PCI_MSIX, pciFunctionMsi, pciPlugFunction } from '@bottomhalf/passthrough-pci'
import {
  Behaviour, deviceArrival, deviceCreate, Driver, driverCreate, Guest, guestCreate, guestProgram, type Misbehaviour,
} from '../src/index.js'
import { boot, control } from './machine.model.js'

const VECTORS = 2
const GOOD = 0
const BAD = 1
const LOOKS = 200
const TABLE = 0xfe00_0000
const GVEC = 0x30

/** A guest with one MSI-X device of two messages. */
export interface Wired {
  readonly guest: number, readonly devices: readonly number[], readonly drivers: readonly number[]
}

// written at boot: whoever is no CPU cannot ask for them
const Messages = global('tableTest', { messages: words(2 * VECTORS) })

const messageAt = (nr: number, n: number) => Messages.base + Messages.messages + nr * VECTORS + n
const sbdfOf = (nr: number) => (nr + 1) << 8

/** CPU 0: the machine, with a device plugged in for each guest. */
export function bootWithDevices(): void {
  boot()
  irqEnable()
  for (const nr of [GOOD, BAD]) {
    const plugged = pciPlugFunction({
      sbdf: sbdfOf(nr), vendorId: 0x1234, deviceId: 1, classCode: 0x020000, bars: [{ kind: 0, sizeBytes: 4096 }],
      msix: { entries: VECTORS, bar: 0, offset: 0 },
    })
    if (plugged !== 0) bug('a device could not be plugged in')
    for (let n = 0; n < VECTORS; n++) st(messageAt(nr, n), pciFunctionMsi(sbdfOf(nr), n))
  }
  irqDisable()
}

/**
 * Arrivals for both until the good guest has served all of its own. `misled`: somebody lets the good guest's messages go where
 * the other's table says.
 */
export function conductScribbler(arrivals: number, seed: number, misled: boolean): Wired[] {
  const wired = [wire(GOOD, {}), wire(BAD, { writeTable: 1, seed })]
  const good = wired[GOOD]!
  if (misled) control(requests.bindIrq(domIdOf(GOOD), { type: PT_IRQ_TYPE_MSI, pirq: 0 as Pirq, gvec: 0x99 }))
  for (let i = 0; i < arrivals; i++) {
    for (const { devices } of wired) for (const device of devices) deviceArrival(device)
    // it scribbles at each interrupt, of which there are to be many: it may have lost its own ways by now
    const interrupts = wired[BAD]!.guest + Guest.behaviour + Behaviour.interrupts
    for (let look = 0; look < LOOKS && load(interrupts) < i; look++) cpuRelax()
  }
  for (const driver of good.drivers) awaitWord(driver + Driver.consumed, AWAIT_EQ, arrivals)
  for (const nr of [GOOD, BAD]) control(requests.killDomain(domIdOf(nr)))
  while (!everythingFreed()) cpuRelax()
  requestStop(Stop.Requested)
  return wired
}

const domIdOf = (nr: number) => nr + 1 as DomId

function wire(nr: number, how: Misbehaviour): Wired {
  const devices: number[] = []
  const drivers: number[] = []
  for (let n = 0; n < VECTORS; n++) {
    devices.push(deviceCreate(ld(messageAt(nr, n))))
    const place = { device: devices[n]!, gvec: GVEC + n, pirq: n, workNs: 0, entry: TABLE + 16 * n }
    drivers.push(driverCreate(place, drivers[n - 1] ?? 0))
  }
  const guest = guestCreate(drivers.at(-1)!, 0, how)
  const domId = domIdOf(nr)
  const messages = { sbdf: sbdfOf(nr), kind: PCI_MSIX, first: 0, count: VECTORS }
  const steps: ControlRequest<unknown>[] = [
    requests.createDomain({
      domId, nrPirqs: 8, cpus: [nr], pinned: true, guestProgram: guestProgram.id, guestData: guest,
    }),
    requests.addDevice({ sbdf: sbdfOf(nr) }), requests.assignDevice(domId, sbdfOf(nr)),
    requests.mapMessages(domId, messages, 0 as Pirq), requests.registerTable(domId, 0 as Pirq, TABLE),
    ...drivers.map((_, n) => requests.bindIrq(domId, {
      type: PT_IRQ_TYPE_MSI, pirq: n as Pirq, gvec: GVEC + n, gflags: GFLAGS_UNMASKED,
    })),
  ]
  for (const step of steps) if (control(step) !== 0) bug('a guest could not be wired')
  return { guest, devices, drivers }
}
