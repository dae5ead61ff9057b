// SPDX-License-Identifier: MIT
/**
 * A machine that a sequence happens to, and the outside that makes it happen and compares every answer with the reference.
 *
 * SEQ1  Each control operation answers what the reference says.
 * SEQ2  What has arrived for a binding whose guest serves is served (I1): the outside waits for it, and waits for ever if not.
 * SEQ3  Once an unbind has returned and the guest has come to rest, no run of its driver begins (I2).
 */
import { bug, EBUSY, ESRCH, type DomId, type Pirq } from '@bottomhalf/base'
import { bootMachine, errnoOf, pcpuMain, everythingFreed, requests, type ControlRequest } from '@bottomhalf/hypervisor'
import { AWAIT_EQ, awaitWord, callHandler, cpuRelax, fetchAdd, ld, load, nowNs, requestStop, st, Stop } from '@bottomhalf/machine'
import { RUNSTATE_BLOCKED } from '@bottomhalf/sched'
import { LOCK_TAS, PROFILE_OFF } from '@bottomhalf/spinlock'
import { TASKLET_LOCK_GLOBAL } from '@bottomhalf/tasklet'
import {
  Device, deviceArrival, deviceEnableLine, deviceInterrupt, deviceRaised, Driver, driverCounts, driverCreate,
  guestCreate, guestProgram, type Misbehaviour,
} from '../../src/index.js'
import { bindDevice, droppedOf, makeDevice, placeOf, plugDevices, unbindDevice } from './devices.model.js'
import { Reference } from './reference.js'
import {
  CRASHES, DEVICES, MASKS, NEVER_EOI, PIRQS, RATE, SCRIBBLES, STRAY_EOI, type Behaviour, type Happening, type Script,
} from './script.js'

const WINDOW_MS = 10
const REST_LOOKS = 50

export function boot(): void {
  bootMachine({
    lockKind: LOCK_TAS, lockProfile: PROFILE_OFF, taskletLock: TASKLET_LOCK_GLOBAL, irqs: 16,
    irqOptions: { rateThreshold: RATE }, guestPrograms: [guestProgram],
  })
  plugDevices()
}

export function runCpu(cpu: number): void {
  callHandler(pcpuMain.id, cpu)
}

/** What the outside knows. */
interface Outside {
  readonly sabotage: Sabotage
  readonly reference: Reference
  readonly devices: number[]
  /** Drivers of the present guest of each domain, by device. */
  readonly drivers: number[][]
  /** Arrivals of each device that its present binding must serve. */
  readonly due: number[]
  /** Interrupts of each device that the rate limit is known to have dropped. */
  readonly dropped: number[]
  /** Runs of a driver that were counted after its unbind, when its guest rested. */
  readonly unbound: Map<number, number>
}

/** What a twin does wrong, so that it is seen that the check can see. */
export type Sabotage =
  'none' | 'message is dropped' | 'run after unbind' | 'domain is left' | 'bind goes wrong'

/** Let a sequence happen, then take everything down and stop the machine. */
export function happen(script: Script, sabotage: Sabotage): void {
  const o: Outside = {
    sabotage, reference: new Reference(), devices: [], drivers: [], due: [], dropped: [], unbound: new Map(),
  }
  for (let i = 0; i < DEVICES; i++) {
    o.devices.push(makeDevice(i))
    o.due.push(0)
    o.dropped.push(0)
  }
  for (const happening of script) one(o, happening)
  settle(o)
  if (sabotage !== 'domain is left') for (const domain of o.reference.alive()) one(o, ['kill', domain])
  if (answerOf(requests.nextDomain(0)) !== -ESRCH) bug('a domain is left that was killed', 'I11')
  for (const cpu of o.reference.offline()) one(o, ['cpuUp', cpu])
  while (!everythingFreed()) cpuRelax()
  requestStop(Stop.Requested)
}

function one(o: Outside, happening: Happening): void {
  switch (happening[0]) {
    case 'arrive': return arrive(o, happening[1], happening[2])
    case 'settle': return settle(o)
    case 'pass': return pass(happening[1])
    case 'create': return create(o, happening[1], happening[2], happening[3])
    case 'bind': return bind(o, happening[1], happening[2], happening[3])
    case 'unbind': return unbind(o, happening[1], happening[2])
    case 'kill': return kill(o, happening[1])
    case 'suspend':
    case 'resume': return o.reference.mayCrash(happening[1]) ? undefined : ask(o, happening)
    default: return ask(o, happening)
  }
}

// ---- control operations

function ask(o: Outside, happening: Happening): void {
  const wanted = o.reference.answer(happening)
  const got = answerOf(requestOf(happening))
  if (got !== wanted) bug(`${happening.join(' ')} answers ${got}, expected ${wanted}`, 'SEQ1')
}

function answerOf(request: ControlRequest<unknown>): number {
  return errnoOf(request, relax)
}

function relax(): boolean {
  cpuRelax()
  return false
}

function requestOf(happening: Happening): ControlRequest<unknown> {
  const domId = happening[1] as DomId
  switch (happening[0]) {
    case 'kill': return requests.killDomain(domId)
    case 'pause': return requests.pauseDomain(domId)
    case 'unpause': return requests.unpauseDomain(domId)
    case 'suspend': return requests.shutdownDomain(domId, 2)
    case 'resume': return requests.resumeDomain(domId)
    case 'affinity': return requests.setAffinity(domId, 0, [happening[2]])
    case 'unbind': return requests.unbindMsi(domId, happening[2] as Pirq)
    case 'cpuDown': return requests.cpuDown(happening[1])
    case 'cpuUp': return requests.cpuUp(happening[1])
    default: return bug(`no request of its own: ${happening[0]}`)
  }
}

function create(o: Outside, domain: number, cpu: number, how: Behaviour): void {
  const drivers: number[] = []
  for (let i = 0; i < DEVICES; i++) {
    const place = { device: o.devices[i]!, ...placeOf(i), pirq: i, workNs: 0 }
    drivers.push(driverCreate(place, drivers[i - 1] ?? 0))
  }
  const guestData = guestCreate(drivers.at(-1)!, 0, misbehaviourOf(how))
  const wanted = o.reference.answer(['create', domain, cpu, how])
  const got = answerOf(requests.createDomain({
    domId: domain as DomId, nrPirqs: PIRQS, cpus: [cpu], guestProgram: guestProgram.id, guestData,
  }))
  if (got !== wanted) bug(`create ${domain} on CPU ${cpu} answers ${got}, expected ${wanted}`, 'SEQ1')
  if (got === 0) o.drivers[domain] = drivers
}

function misbehaviourOf(how: Behaviour): Misbehaviour {
  if (how === NEVER_EOI) return { neverEoi: 1 }
  if (how === STRAY_EOI) return { strayEoi: 1 }
  if (how === MASKS) return { maskForEver: 2 }
  if (how === SCRIBBLES) return { writeTable: 1, seed: how }
  return how === CRASHES ? { crash: 2 } : {}
}

function bind(o: Outside, domain: number, pirq: number, device: number): void {
  const wanted = o.reference.answer(['bind', domain, pirq, device])
  if (wanted === -EBUSY) return                                         // one device, one binding: nobody asks for two
  const asked = (o.sabotage === 'bind goes wrong' ? PIRQS : pirq) as Pirq
  const got = bindDevice(answerOf, domain as DomId, asked, device, o.devices[device]!)
  if (got !== wanted) bug(`bind ${domain} ${pirq} ${device} answers ${got}, expected ${wanted}`, 'SEQ1')
  if (got !== 0) return
  o.due[device] = 0
  o.unbound.delete(o.drivers[domain]![device]!)
}

function unbind(o: Outside, domain: number, pirq: number): void {
  const device = o.reference.deviceOf(domain, pirq)
  if (device === undefined) return ask(o, ['unbind', domain, pirq])
  const wanted = o.reference.answer(['unbind', domain, pirq])
  const got = unbindDevice(answerOf, domain as DomId, pirq as Pirq, device, o.devices[device]!)
  if (got !== wanted) bug(`unbind ${domain} ${pirq} answers ${got}, expected ${wanted}`, 'SEQ1')
  o.due[device] = 0
  if (!o.reference.serves(domain)) return
  restOf(domain)
  const driver = o.drivers[domain]![device]!
  o.unbound.set(driver, runsOf(driver))
  if (o.sabotage === 'run after unbind') st(driver + Driver.empty, ld(driver + Driver.empty) + 1)
}

function kill(o: Outside, domain: number): void {
  for (let device = 0; device < DEVICES; device++) {
    if (o.reference.ownerOf(device) !== domain) continue
    o.due[device] = 0
    deviceEnableLine(o.devices[device]!, false)
  }
  ask(o, ['kill', domain])
  for (const driver of o.drivers[domain] ?? []) o.unbound.delete(driver)
}

/** Wait until the vCPU of a domain sleeps: then no interrupt is pending there. */
function restOf(domain: number): void {
  const words: number[] = []
  for (let i = 0; i < REST_LOOKS; i++) {
    if (errnoOf(requests.vcpuState(domain as DomId, 0), relax, words) !== 0) bug('a domain that serves is not there', 'SEQ1')
    if (words[1] === RUNSTATE_BLOCKED) return
  }
  bug(`the guest of domain ${domain} never comes to rest`, 'I8')
}

// ---- interrupts

function arrive(o: Outside, device: number, times: number): void {
  for (let i = 0; i < times; i++) {
    if (o.sabotage === 'message is dropped') fetchAdd(o.devices[device]! + Device.producer, 1)
    else deviceArrival(o.devices[device]!)
  }
  if (o.reference.ownerOf(device) !== undefined) o.due[device] = deviceRaised(o.devices[device]!)
}

function settle(o: Outside): void {
  for (let device = 0; device < DEVICES; device++) {
    const owner = o.reference.ownerOf(device)
    if (owner === undefined || o.due[device] === 0 || !o.reference.serves(owner)) continue
    awaitServed(o, device, o.drivers[owner]![device]! + Driver.consumed)                                    // SEQ2
  }
  for (const [driver, runs] of o.unbound) {
    if (runsOf(driver) !== runs) bug('a driver ran after its unbind', 'I2')                                 // SEQ3
  }
}

// The last of a device that the rate limit may have dropped has to be said again (IRQ-3).
function awaitServed(o: Outside, device: number, consumed: number): void {
  const made = o.devices[device]!
  const raised = deviceRaised(made)
  if (raised <= RATE) awaitWord(consumed, AWAIT_EQ, raised)
  while (load(consumed) !== raised) {
    const dropped = droppedOf(made)
    pass(1)
    if (dropped === o.dropped[device]) continue
    o.dropped[device] = dropped
    pass(WINDOW_MS)
    deviceInterrupt(made)
  }
}

function pass(ms: number): void {
  const end = nowNs() + ms * 1e6
  while (nowNs() < end) cpuRelax()
}

function runsOf(driver: number): number {
  const { delivered, empty } = driverCounts(driver)
  return delivered + empty
}
