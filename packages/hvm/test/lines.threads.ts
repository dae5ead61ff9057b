// SPDX-License-Identifier: MIT
/** What the threads of the stress test run: a guest that serves a level line, and devices that assert it. */
import type { DomId, Ref } from '@bottomhalf/base'
import { cpuPark, sendEventCheck, thisCpuOnline } from '@bottomhalf/cpu'
import { Domain, domainById, isIdleVcpu } from '@bottomhalf/domain'
import { fetchAdd, global, handler, irqEnable, ld, load, store, word, words } from '@bottomhalf/machine'
import { currentVcpu } from '@bottomhalf/sched'
import { beginLooking, doSoftirq, sleepUnlessPending } from '@bottomhalf/softirq'
import { spinLock, spinUnlock } from '@bottomhalf/spinlock'
import {
  guestEoi, guestHalt, guestMustExit, guestTakeInterrupt, hvmPciIntxAssert, hvmPciIntxDeassert, IOAPIC_REG_ENTRIES,
  IOREGSEL, IOWIN, REDIR_LEVEL, runGuest, setEoiOperations, vioapicWrite,
} from '../src/index.js'

// the whole package and its boot, so that the threads know every handler
export * from '../src/index.js'
export { bringUp, makeGuest, setupMachine } from './setup.model.js'

const MAX_DEVICES = 4
const VEC = 0x41
const GSI = 16

/** By device: how often it wanted service; up to which of these the guest has seen. The others are the guest's own. */
export const Line = global('testLine', {
  wanted: words(MAX_DEVICES), seen: words(MAX_DEVICES), taken: word, ends: word, devices: word, done: word,
})
const wantedOf = (device: number): number => load(Line.base + Line.wanted + device)
const seenOf = (device: number): number => load(Line.base + Line.seen + device)

// Four devices share GSI 16: 0, 15, 22 and 29.
const wireOf = (device: number): number => (device === 0 ? 0 : 8 + 7 * device)
const pinOf = (device: number): number => (device === 0 ? 0 : 4 - device)

/** Notes what all devices want, as a driver does that asks each, and ends the interrupt. */
function servingProgram(v: Ref<'Vcpu'>): void {
  while (!guestMustExit()) {
    if (guestTakeInterrupt(v) === VEC) {
      for (let device = 0; device < load(Line.base + Line.devices); device++) {
        store(Line.base + Line.seen + device, wantedOf(device))
      }
      fetchAdd(Line.base + Line.taken, 1)
      guestEoi(v)
    } else if (guestHalt()) return
  }
}

export const serving = handler('testServingLine', servingProgram)

// What dpci and the device do: the line falls, and rises again if the device wants more.
function endOfLine(): void {
  const d = domainById(1 as DomId)
  spinLock(d + Domain.eventLock)
  for (let device = 0; device < load(Line.base + Line.devices); device++) {
    hvmPciIntxDeassert(d, wireOf(device), pinOf(device))
    if (wantedOf(device) !== seenOf(device)) hvmPciIntxAssert(d, wireOf(device), pinOf(device))
  }
  fetchAdd(Line.base + Line.ends, 1)
  spinUnlock(d + Domain.eventLock)
}

const endOfLineHandler = handler('testEndOfStressedLine', endOfLine)
const nothing = handler('testNoMsiEoi', () => 0)

/** The guest's pin is one of level, its vector goes to vCPU 0. */
export function prepareLine(d: Ref<'Domain'>, devices: number): void {
  store(Line.base + Line.devices, devices)
  setEoiOperations({ msiEoi: nothing, gsiEoi: endOfLineHandler })
  irqEnable()
  vioapicWrite(d, IOREGSEL, IOAPIC_REG_ENTRIES + 2 * GSI)
  vioapicWrite(d, IOWIN, VEC | REDIR_LEVEL)
}

/** Thread 0 is the pCPU of the guest; the others are devices that want service `rounds` times. */
export function serveOrAssert(index: number, rounds: number): number {
  irqEnable()
  beginLooking()
  return index === 0 ? run() : want(index - 1, rounds)
}

function run(): number {
  let sleeps = 0
  while (!isAllSeen()) {
    doSoftirq()
    const v = currentVcpu()
    if (!isIdleVcpu(v)) runGuest(v)
    else if (!isAllSeen()) { sleepUnlessPending(); sleeps++ }
    if (!thisCpuOnline()) cpuPark()
  }
  return sleeps
}

function isAllSeen(): boolean {
  const devices = load(Line.base + Line.devices)
  if (load(Line.base + Line.done) < devices) return false
  for (let device = 0; device < devices; device++) if (wantedOf(device) !== seenOf(device)) return false
  return true
}

function want(device: number, rounds: number): number {
  const d = domainById(1 as DomId)
  for (let i = 0; i < rounds; i++) {
    fetchAdd(Line.base + Line.wanted + device, 1)
    spinLock(d + Domain.eventLock)
    hvmPciIntxAssert(d, wireOf(device), pinOf(device))
    spinUnlock(d + Domain.eventLock)
    // now and then as long as it takes the guest to fall asleep
    if (i % 64 === 0) for (let wait = 0; wait < 2000; wait++) ld(Line.base + Line.devices)
  }
  fetchAdd(Line.base + Line.done, 1)
  sendEventCheck(0)
  return rounds
}
