// SPDX-License-Identifier: MIT
/**
 * A booted machine on real threads: pCPUs, devices that interrupt without a pause, and whoever asks for control operations.
 *
 *     threads 0 .. cpus-1: a pCPU each      cpus: the conductor      cpus + 1: all devices
 *
 * Each domain has two devices, one a message to each of its vCPUs; the first is on a bus. A device counts up and sends; the guest, when the interrupt
 * comes, reads the count: what is read at rest is what was counted, or an interrupt was lost (I1).
 */
import { bug, type DomId, type Pirq, type Ref } from '@bottomhalf/base'
import { Domain, Vcpu } from '@bottomhalf/domain'
import {
  APIC_SPIV, APIC_SPIV_ENABLED, guestEoi, guestHalt, guestMustExit, guestTakeInterrupt, vlapicWrite,
} from '@bottomhalf/hvm'
import { MsiEntry, msiReset, msiSend } from '@bottomhalf/irq'
import {
  callHandler, embed, fetchAdd, global, handler, irqDisable, irqEnable, ld, lineBreak, liveBlocks, load, NO_CPU, ref,
  requestStop, setCurrentCpu, st, Stop, stopRequested, store, struct, word, words,
} from '@bottomhalf/machine'
import { GFLAGS_UNMASKED, PT_IRQ_TYPE_MSI } from '@bottomhalf/passthrough-io'
import { PCI_MSI, pciAddDevice, pciFunctionMsi, pciPlugFunction } from '@bottomhalf/passthrough-pci'
import { LOCK_TAS, PROFILE_OFF } from '@bottomhalf/spinlock'
import { TASKLET_LOCK_GLOBAL } from '@bottomhalf/tasklet'
import {
  bootMachine, controlContinuations, errnoOf, everythingFreed, faultsAtRest, pcpuMain, perform, requests,
  type ControlRequest,
} from '../src/index.js'

const DOMAINS = 4
const DEVICES = 2
const FIRST_VECTOR = 0x40
const SPURIOUS = 0xff
const STALLED_MS = 20_000

/** Each domain's device that is on a bus. */
const ON_BUS = 0
const sbdfOf = (domId: number): number => domId << 8
const onBus = { type: PT_IRQ_TYPE_MSI, pirq: ON_BUS as Pirq, gvec: FIRST_VECTOR + ON_BUS, gflags: GFLAGS_UNMASKED }

const StressDevice = struct('StressDevice', {
  // written at boot, constant after: where it sends from, its own entry if it is on no bus
  message: ref('MsiEntry'),
  msi: embed(MsiEntry), msiLine: lineBreak,
  // atomic
  sent: word, sentLine: lineBreak, seen: word, seenLine: lineBreak,
})

const Stress = global('machineStress', {
  devices: words(DOMAINS * DEVICES * StressDevice.sizeWords), line: lineBreak,
  // atomic: devices fire while it is on; on when they have heard that it is off; pCPUs whose loop has ended
  firing: word, quiet: word, ended: word,
})

function deviceOf(domId: number, nr: number): number {
  return Stress.base + Stress.devices + ((domId - 1) * DEVICES + nr) * StressDevice.sizeWords
}

function allDevices(): number[] {
  return Array.from({ length: DOMAINS * DEVICES }, (_, i) => deviceOf(1 + Math.floor(i / DEVICES), i % DEVICES))
}

// ---- the guest

function readingGuest(v: Ref<'Vcpu'>): void {
  vlapicWrite(v, APIC_SPIV, APIC_SPIV_ENABLED | SPURIOUS)
  while (!guestMustExit()) {
    const vector = guestTakeInterrupt(v)
    if (vector >= FIRST_VECTOR && vector < FIRST_VECTOR + DEVICES) read(v, vector - FIRST_VECTOR)
    if (vector >= 0) guestEoi(v)
    else if (guestHalt()) return
  }
}

function read(v: Ref<'Vcpu'>, nr: number): void {
  const device = deviceOf(ld(ld(v + Vcpu.domain) + Domain.domId), nr)
  store(device + StressDevice.seen, load(device + StressDevice.sent))
}

const readingProgram = handler('stressReadingGuest', readingGuest)

// ---- the machine

export function boot(): void {
  bootMachine({
    lockKind: LOCK_TAS, lockProfile: PROFILE_OFF, taskletLock: TASKLET_LOCK_GLOBAL, irqs: 64,
    guestPrograms: [readingProgram],
  })
  for (const device of allDevices()) {
    msiReset(device + StressDevice.msi)
    st(device + StressDevice.message, device + StressDevice.msi)
  }
  irqEnable()
  for (let domId = 1; domId <= DOMAINS; domId++) plug(domId)
  irqDisable()
}

/** Plug in the first device of a domain, and make it known. */
function plug(domId: number): void {
  const sbdf = sbdfOf(domId)
  const plugged = pciPlugFunction({
    sbdf, vendorId: 0x1234, deviceId: 1, classCode: 0x020000, msi: { vectors: 1, maskable: true },
  })
  if (plugged !== 0 || pciAddDevice(sbdf, {}) !== 0) bug('a device could not be plugged in')
  st(deviceOf(domId, ON_BUS) + StressDevice.message, pciFunctionMsi(sbdf, 0))
}

export type Work = 'kill' | 'hotplug' | 'affinity' | 'remove'

/** What a run was and found. Plain data. */
export interface StressReport {
  readonly restarts: number
  /** Devices whose last count was not read. */
  readonly lost: number
  readonly faults: readonly string[]
  /** Blocks of the heap at the end less those at the beginning. */
  readonly leaked: number
}

/** A thread of the run. */
export function run(
  index: number, cpus: number, work: Work, rounds: number, forget = false,
): StressReport | undefined {
  setCurrentCpu(index < cpus ? index : NO_CPU)
  if (index === cpus) return conduct(cpus, work, rounds, forget)
  if (index > cpus) fire()
  else runCpu(index)
  return undefined
}

function runCpu(cpu: number): void {
  callHandler(pcpuMain.id, cpu)
  fetchAdd(Stress.base + Stress.ended, 1)
}

/** All devices, over and over. One that is not bound is masked, and holds its message back. */
function fire(): void {
  while (!stopRequested()) {
    if (load(Stress.base + Stress.firing) !== 0) for (const device of allDevices()) count(device)
    else rest()
  }
}

function rest(): void {
  store(Stress.base + Stress.quiet, 1)
  sleep(0.2)
}

function count(device: number): void {
  fetchAdd(device + StressDevice.sent, 1)
  msiSend(ld(device + StressDevice.message))
}

// ---- the conductor

function conduct(cpus: number, work: Work, rounds: number, forget: boolean): StressReport {
  const before = liveBlocks().length
  let lost = 0
  for (let domId = 1; domId <= DOMAINS; domId++) create(domId)
  store(Stress.base + Stress.firing, 1)
  for (let round = 0; round < rounds; round++) works[work](round, cpus)
  stopFiring()
  // what a device sent while it was out was for nobody
  if (work === 'remove') for (const device of allDevices()) count(device)
  // what a domain had not read when it was killed, it never reads
  if (work !== 'kill') lost = awaitAllSeen(STALLED_MS) + forgetOne(forget)
  for (let domId = 1; domId <= DOMAINS; domId++) must(requests.killDomain(domId as DomId))
  for (let domId = 1; domId <= DOMAINS; domId++) awaitGone(domId as DomId)
  const waitUntil = Date.now() + STALLED_MS
  while ((!everythingFreed() || liveBlocks().length !== before) && Date.now() < waitUntil) sleep(1)
  requestStop(Stop.Requested)
  while (load(Stress.base + Stress.ended) < cpus) sleep(0.2)
  return {
    restarts: controlContinuations(), lost, leaked: liveBlocks().length - before,
    faults: faultsAtRest().map(({ label, found }) => `${label}: ${found}`),
  }
}

function stopFiring(): void {
  store(Stress.base + Stress.quiet, 0)
  store(Stress.base + Stress.firing, 0)
  while (load(Stress.base + Stress.quiet) === 0) sleep(0.2)
}

const works: Readonly<Record<Work, (round: number, cpus: number) => void>> = {
  kill: (round) => {
    const domId = 1 + round % DOMAINS
    must(requests.killDomain(domId as DomId))
    awaitGone(domId as DomId)
    create(domId)
  },
  hotplug: (round, cpus) => {
    const cpu = 1 + round % (cpus - 1)
    must(requests.cpuDown(cpu))
    sleep(1)
    must(requests.cpuUp(cpu))
  },
  remove: (round) => {
    const domId = (1 + round % DOMAINS) as DomId
    must(requests.removeDevice(sbdfOf(domId)))
    must(requests.unbindIrq(domId, onBus))
    must(requests.addDevice({ sbdf: sbdfOf(domId) }))
    giveDevice(domId)
  },
  affinity: (round, cpus) => {
    const domId = (1 + round % DOMAINS) as DomId
    must(requests.setAffinity(domId, Math.floor(round / DOMAINS) % DEVICES, [Math.floor(round / 3) % cpus]))
  },
}

function create(domId: number): void {
  must(requests.createDomain({
    domId: domId as DomId, vcpus: DEVICES, nrPirqs: 8, guestProgram: readingProgram.id,
  }))
  giveDevice(domId as DomId)
  for (let nr = ON_BUS + 1; nr < DEVICES; nr++) {
    must(requests.bindMsi({
      domId: domId as DomId, pirq: nr as Pirq, msi: deviceOf(domId, nr) + StressDevice.msi, gvec: FIRST_VECTOR + nr,
      gflags: GFLAGS_UNMASKED | nr,
    }))
  }
}

/** The device that is on the bus becomes a domain's, and its message the first vCPU's. */
function giveDevice(domId: DomId): void {
  const sbdf = sbdfOf(domId)
  must(requests.assignDevice(domId, sbdf))
  must(requests.mapMessages(domId, { sbdf, kind: PCI_MSI, first: 0, count: 1 }, ON_BUS as Pirq))
  must(requests.bindIrq(domId, onBus))
}

/** The twin's: a device counts and does not send. */
function forgetOne(forget: boolean): number {
  if (!forget) return 0
  fetchAdd(deviceOf(1, 0) + StressDevice.sent, 1)
  return awaitAllSeen(200)
}

/** Devices whose last count is not read when all have had their time. */
function awaitAllSeen(patienceMs: number): number {
  const until = Date.now() + patienceMs
  for (;;) {
    const unseen = allDevices().filter((d) => load(d + StressDevice.seen) !== load(d + StressDevice.sent)).length
    if (unseen === 0 || Date.now() > until) return unseen
    sleep(1)
  }
}

function awaitGone(domId: DomId): void {
  const until = Date.now() + STALLED_MS
  while (errnoOf(requests.domainState(domId), pause) === 0) {
    if (Date.now() > until) throw new Error(`domain ${domId} is not gone`)
    sleep(0.2)
  }
}

function must(request: ControlRequest<unknown>): void {
  perform(request, pause)
}

function pause(): boolean {
  sleep(0.2)
  return stopRequested()
}

const nap = new Int32Array(new SharedArrayBuffer(4))

function sleep(ms: number): void {
  Atomics.wait(nap, 0, 0, ms)
}
