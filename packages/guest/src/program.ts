// SPDX-License-Identifier: MIT
/**
 * The guest's program: what runs on a vCPU between VM entry and VM exit. It serves the interrupts of its devices, counts the
 * ticks of its timer, and halts when there is nothing to do.
 *
 * Contexts  the vCPU; entered by the pCPU loop over and over, it keeps all it knows in its own memory.
 *
 * GP1  It looks for interrupts until there is none, and halts by the call that looks again: it sleeps on no event.
 * GP2  A vector may be of several devices, on one line: each of their drivers looks at its own, then the interrupt is ended.
 */
import { bug } from '@bottomhalf/base'
import { Domain, Vcpu } from '@bottomhalf/domain'
import {
  APIC_SPIV, APIC_SPIV_ENABLED, evtchnBindVirq, evtchnTake, guestHalt, guestMustExit, guestSetTimer,
  guestTakeInterrupt, hvmSetCallbackVector, VIRQ_TIMER, vlapicWrite,
} from '@bottomhalf/hvm'
import {
  embed, fetchOr, handler, ld, ldTime, load, nowNs, ref, st, store, stTime, struct, time, word, xzalloc,
} from '@bottomhalf/machine'
import { driverOfPort, forgetChannels } from './channels.js'
import { Driver, driverInterrupt, driverOf } from './driver.js'
import { routeLines } from './lines.js'
import {
  Behaviour, behaviourInit, behaviourRestart, behaviourState, endInterrupt, nextInterrupt, type GuestState,
  type Misbehaviour,
} from './misbehave.js'
import type { Ref } from '@bottomhalf/base'

const CALLBACK_VECTOR = 0xf3
const SPURIOUS_VECTOR = 0xff

export const Guest = struct('Guest', {
  // written before the guest starts, constant after:
  drivers: ref('Driver'), tickNs: time,
  // atomic; a bit per vCPU, each sets its own:
  booted: word,
  // the first vCPU's own:
  timerPort: word, ticks: word, nextTickNs: time,
  behaviour: embed(Behaviour),
})

/**
 * A guest with the drivers chained from `drivers`; `tickNs` is the period of its timer, 0 for none. A good one, unless told
 * how it misbehaves. 0: no memory.
 */
export function guestCreate(drivers: Ref<'Driver'>, tickNs: number, misbehaviour: Misbehaviour = {}): Ref<'Guest'> {
  const guest = xzalloc(Guest.sizeWords, Guest.tag)
  if (guest === 0) return 0
  st(guest + Guest.drivers, drivers)
  stTime(guest + Guest.tickNs, tickNs)
  behaviourInit(guest + Guest.behaviour, misbehaviour)
  return guest
}

/** Whether a guest has stopped serving, as it says itself. */
export function guestState(guest: Ref<'Guest'>): GuestState {
  return behaviourState(guest + Guest.behaviour)
}

/** A guest that was killed starts over, with the drivers that it had: it is to be the program's word of a new domain. */
export function guestRestart(guest: Ref<'Guest'>): void {
  store(guest + Guest.booted, 0)
  st(guest + Guest.timerPort, 0)
  forgetChannels(ld(guest + Guest.drivers))
  behaviourRestart(guest + Guest.behaviour)
}

/** Timer ticks that the guest has counted. Exact when it rests. */
export function guestTicks(guest: Ref<'Guest'>): number {
  return ld(guest + Guest.ticks)
}

/** One stay in the guest. */
function runProgram(v: Ref<'Vcpu'>): void {
  const guest = ld(ld(v + Vcpu.domain) + Domain.guestData)
  if ((load(guest + Guest.booted) >>> ld(v + Vcpu.vcpuId) & 1) === 0) boot(v, guest)
  while (!guestMustExit()) {
    const vector = guestTakeInterrupt(v)
    if (vector >= 0) serve(v, guest, vector)
    else if (guestHalt()) return                                       // GP1
  }
}

/** Name it in `DomainConfig.guestProgram`, with a `Guest` as `guestData`. */
export const guestProgram = handler('guestProgram', runProgram)

function boot(v: Ref<'Vcpu'>, guest: Ref<'Guest'>): void {
  vlapicWrite(v, APIC_SPIV, APIC_SPIV_ENABLED | SPURIOUS_VECTOR)
  fetchOr(guest + Guest.booted, 1 << ld(v + Vcpu.vcpuId))
  if (ld(v + Vcpu.vcpuId) === 0) bootFirst(v, guest)
}

function bootFirst(v: Ref<'Vcpu'>, guest: Ref<'Guest'>): void {
  routeLines(v, ld(guest + Guest.drivers))
  if (hvmSetCallbackVector(ld(v + Vcpu.domain), CALLBACK_VECTOR) !== 0) bug('a guest could not name its callback')
  if (ldTime(guest + Guest.tickNs) === 0) return
  const port = evtchnBindVirq(v, VIRQ_TIMER)
  if (port < 0) bug('a guest could not bind its timer')
  st(guest + Guest.timerPort, port)
  armTick(v, guest, nowNs())
}

function serve(v: Ref<'Vcpu'>, guest: Ref<'Guest'>, vector: number): void {
  if (vector === CALLBACK_VECTOR) return takeEvents(v, guest)
  const vcpuId = ld(v + Vcpu.vcpuId)
  let driver = driverOf(ld(guest + Guest.drivers), vector, vcpuId)
  for (; driver !== 0; driver = driverOf(ld(driver + Driver.next), vector, vcpuId)) driverInterrupt(driver)   // GP2
  endInterrupt(v, guest + Guest.behaviour, ld(guest + Guest.drivers))
}

function takeEvents(v: Ref<'Vcpu'>, guest: Ref<'Guest'>): void {
  for (let port = evtchnTake(v); port > 0; port = evtchnTake(v)) {
    if (port === ld(guest + Guest.timerPort)) tick(v, guest)
    else serveEvent(v, guest, driverOfPort(ld(guest + Guest.drivers), port))
  }
}

function serveEvent(v: Ref<'Vcpu'>, guest: Ref<'Guest'>, driver: Ref<'Driver'>): void {
  if (driver === 0) return
  driverInterrupt(driver)
  nextInterrupt(v, guest + Guest.behaviour, ld(guest + Guest.drivers))
}

function tick(v: Ref<'Vcpu'>, guest: Ref<'Guest'>): void {
  st(guest + Guest.ticks, ld(guest + Guest.ticks) + 1)
  armTick(v, guest, ldTime(guest + Guest.nextTickNs))
}

// Ticks keep their beat; beats that were missed are not made up for.
function armTick(v: Ref<'Vcpu'>, guest: Ref<'Guest'>, lastNs: number): void {
  const next = Math.max(lastNs, nowNs() - ldTime(guest + Guest.tickNs)) + ldTime(guest + Guest.tickNs)
  stTime(guest + Guest.nextTickNs, next)
  guestSetTimer(v, next)
}
