// SPDX-License-Identifier: MIT
/**
 * What control operations do with the guests of a run and their devices. Each answers 0 or what the machine refused with.
 *
 *     startGuest   create, then for each device: add, assign, bind
 *     bindUnit     map its interrupts, bind each; then its driver is loaded
 *     unbindUnit   unbind each, unmap
 *     removeUnit   forget the device under its guest, then the guest lets go of what is left
 *     killGuest    kill; its devices are the hardware domain's again
 */
import { EINVAL, type DomId, type Errno, type Pirq } from '@bottomhalf/base'
import { deviceEnableLine, deviceInterrupt, driverLoad, guestProgram, guestRestart, guestState } from '@bottomhalf/guest'
import { requests, type BindIrq, type Messages } from '@bottomhalf/hypervisor'
import { LINE_LEVEL } from '@bottomhalf/irq'
import {
  GFLAGS_UNMASKED, PT_IRQ_TYPE_MSI, PT_IRQ_TYPE_MSI_TRANSLATE, PT_IRQ_TYPE_PCI,
} from '@bottomhalf/passthrough-io'
import { excuseRest } from './accounts.js'
import { INTX_PIN, tableOf, type GuestUnit, type Unit } from './fleet.js'
import { messageKindOf } from './slots.js'
import type { ControlCaller } from './control.js'

/** pIRQs of a guest: its devices' interrupts from 0 on, and behind them one for each line of the machine. */
const PIRQS = 512
const FIRST_LINE_PIRQ = PIRQS - 64

/** Create a guest's domain, `domId`, and give it its devices that the hypervisor may know. */
export function startGuest(control: ControlCaller, guest: GuestUnit, domId: DomId): { result: Errno, what: string } {
  const { scenario: { cpu, vcpus }, guestData } = guest
  if (guest.alive) return { result: -EINVAL, what: 'creating it twice' }
  const cpus = Array.from({ length: vcpus }, (_, n) => (cpu + n) % control.cpus)
  const created = control.do(requests.createDomain({
    domId, vcpus, nrPirqs: PIRQS, cpus, pinned: true, guestProgram: guestProgram.id, guestData,
  }))
  if (created !== 0) return { result: created, what: 'creating it' }
  guest.domId = domId
  guest.alive = true
  guest.lives++
  for (const unit of guest.units) {
    const result = plugUnit(control, unit)
    if (result !== 0) return { result, what: `binding device ${unit.scenario.name}` }
  }
  return { result: 0, what: '' }
}

/** Kill a guest. What its devices raise from here on reaches nobody. */
export function killGuest(control: ControlCaller, guest: GuestUnit): Errno {
  if (!guest.alive) return -EINVAL
  for (const unit of guest.units) letGo(unit)
  takeTimes(control, guest)
  const result = control.do(requests.killDomain(guest.domId))
  for (const unit of guest.units) quiet(unit)
  if (result !== 0) return result
  guest.alive = false
  guest.paused = false
  guest.lines.clear()
  guestRestart(guest.guestData)
  return 0
}

/** Add the time that a guest's vCPUs spent to its account. */
function takeTimes(control: ControlCaller, guest: GuestUnit): void {
  for (let n = 0; n < guest.scenario.vcpus; n++) {
    const state = control.ask(requests.vcpuState(guest.domId, n))
    if (state === undefined) continue
    guest.times.runningNs += state.runningNs
    guest.times.eatenNs += state.hypervisorNs
    guest.times.runnableNs += state.runnableNs
    guest.times.blockedNs += state.blockedNs
  }
}

// ---- devices

/** Make a device known, give it to its guest, and bind it. */
export function plugUnit(control: ControlCaller, unit: Unit): Errno {
  const added = unit.plugged ? 0 : control.do(requests.addDevice({ sbdf: unit.sbdf }))
  if (added !== 0) return added
  unit.plugged = true
  const assigned = control.do(requests.assignDevice(unit.guest.domId, unit.sbdf))
  return assigned === 0 ? bindUnit(control, unit) : assigned
}

/** Pull a device out under its guest: the hypervisor forgets it, then the guest lets go of what it had bound. */
export function removeUnit(control: ControlCaller, unit: Unit): Errno {
  if (!unit.plugged) return -EINVAL
  const wasBound = unit.bound
  letGo(unit)
  const result = control.do(requests.removeDevice(unit.sbdf))
  if (result !== 0) return result
  unit.plugged = false
  return unit.guest.alive && wasBound ? releaseUnit(control, unit) : 0
}

// What is bound of a device that is gone: its pIRQs were untied by force, or its line is another device's, too.
function releaseUnit(control: ControlCaller, unit: Unit): Errno {
  const unbound = unbindAll(control, unit, bindsOf(unit))
  quiet(unit)
  const unmapped = unit.scenario.interrupt.kind === 'intx' ? unmapLine(control, unit) : 0
  return unbound === 0 ? unmapped : unbound
}

/** Unbind what is bound; answers the first refusal, and goes on behind it. */
function unbindAll(control: ControlCaller, unit: Unit, binds: readonly BindIrq[]): Errno {
  let first = 0
  for (const bind of binds) {
    const result = control.do(requests.unbindIrq(unit.guest.domId, bind))
    if (first === 0) first = result
  }
  return first
}

/** Map the interrupts of a device and bind each to its guest; then its driver is loaded. A failure leaves nothing bound. */
export function bindUnit(control: ControlCaller, unit: Unit): Errno {
  const mapped = mapUnit(control, unit)
  if (mapped !== 0) return mapped
  const done: BindIrq[] = []
  for (const bind of bindsOf(unit)) {
    const result = control.do(requests.bindIrq(unit.guest.domId, bind))
    if (result === 0) {
      done.push(bind)
      continue
    }
    const undone = unbindAll(control, unit, done) + unmapUnit(control, unit)
    if (undone !== 0) throw new Error(`what was bound of ${unit.scenario.name} cannot be undone`)
    return result
  }
  loadDriver(unit)
  return 0
}

/** Unbind the interrupts of a device, and untie them. */
export function unbindUnit(control: ControlCaller, unit: Unit): Errno {
  letGo(unit)
  const unbound = unbindAll(control, unit, bindsOf(unit))
  quiet(unit)
  const unmapped = unmapUnit(control, unit)
  return unbound === 0 ? unmapped : unbound
}

function letGo(unit: Unit): void {
  if (unit.bound) excuseRest(unit)
  unit.bound = false                                                   // FL1
}

function loadDriver(unit: Unit): void {
  unit.bound = true                                                    // FL1
  for (const { device, driver } of unit.queues) {
    deviceEnableLine(device, true)
    driverLoad(driver)
    deviceInterrupt(device)                                            // FL2
  }
}

function quiet(unit: Unit): void {
  for (const { device } of unit.queues) deviceEnableLine(device, false)     // FL3
}

// ---- pIRQs

function mapUnit(control: ControlCaller, unit: Unit): Errno {
  const { guest, scenario: { interrupt } } = unit
  if (interrupt.kind !== 'intx') return mapMessages(control, unit)
  const users = guest.lines.get(interrupt.line) ?? 0
  const result = users > 0 ? 0 :
    control.do(requests.mapLine(guest.domId, linePirq(interrupt.line), interrupt.line, LINE_LEVEL))
  if (result === 0) guest.lines.set(interrupt.line, users + 1)
  return result
}

/** Map the messages of a device, and take its vector table over if it has one. A failure leaves nothing. */
function mapMessages(control: ControlCaller, unit: Unit): Errno {
  const { guest: { domId }, scenario: { interrupt }, pirq } = unit
  const mapped = control.do(requests.mapMessages(domId, messagesOf(unit), pirq))
  if (mapped !== 0 || interrupt.kind !== 'msix') return mapped
  const registered = control.do(requests.registerTable(domId, pirq, tableOf(unit)))
  if (registered !== 0 && control.do(requests.unmapMessages(domId, messagesOf(unit))) !== 0) {
    throw new Error(`what was mapped of ${unit.scenario.name} cannot be undone`)
  }
  return registered
}

function unmapUnit(control: ControlCaller, unit: Unit): Errno {
  const { kind } = unit.scenario.interrupt
  if (kind === 'intx') return unmapLine(control, unit)
  if (kind === 'msix') void control.do(requests.unregisterTable(unit.guest.domId, unit.pirq))
  return control.do(requests.unmapMessages(unit.guest.domId, messagesOf(unit)))
}

function unmapLine(control: ControlCaller, { guest, scenario: { interrupt } }: Unit): Errno {
  if (interrupt.kind !== 'intx') return 0
  const users = (guest.lines.get(interrupt.line) ?? 1) - 1
  guest.lines.set(interrupt.line, users)
  return users > 0 ? 0 : control.do(requests.unmapLine(guest.domId, linePirq(interrupt.line)))
}

function messagesOf(unit: Unit): Messages {
  return { sbdf: unit.sbdf, kind: messageKindOf(unit.scenario), first: 0, count: unit.queues.length }
}

function linePirq(line: number): Pirq {
  return FIRST_LINE_PIRQ + line as Pirq
}

/** The bindings of a device: one per message, or its line. A guest that masks for ever unmasks no message, loaded anew or not. */
function bindsOf({ guest, scenario: { interrupt }, pirq, slot, queues }: Unit): BindIrq[] {
  if (interrupt.kind === 'intx') {
    return [{ type: PT_IRQ_TYPE_PCI, pirq: linePirq(interrupt.line), bus: 0, device: slot, intx: INTX_PIN }]
  }
  if (interrupt.kind === 'translate') {
    return [{ type: PT_IRQ_TYPE_MSI_TRANSLATE, pirq, bus: 0, device: slot, intx: INTX_PIN }]
  }
  const unmasked = guestState(guest.guestData).masked ? 0 : GFLAGS_UNMASKED
  return queues.map(({ gvec, vcpuId }, n) =>
    ({ type: PT_IRQ_TYPE_MSI, pirq: pirq + n as Pirq, gvec, gflags: unmasked | vcpuId }))
}
