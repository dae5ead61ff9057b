// SPDX-License-Identifier: MIT
/** What the threads of the stress test run: pCPUs with a guest each that sleeps when it can, and senders. */
import type { DomId, Ref } from '@bottomhalf/base'
import { cpuPark, sendEventCheck, thisCpuOnline } from '@bottomhalf/cpu'
import { domainById, isIdleVcpu, Vcpu, vcpuOf } from '@bottomhalf/domain'
import {
  cpuArea, fetchAdd, global, handler, irqEnable, ld, load, perCpu, store, word, words,
} from '@bottomhalf/machine'
import { currentVcpu } from '@bottomhalf/sched'
import { beginLooking, doSoftirq, sleepUnlessPending } from '@bottomhalf/softirq'
import { guestEoi, guestHalt, guestMustExit, guestTakeInterrupt, runGuest, vlapicSetIrq } from '../src/index.js'

// the whole package and its boot, so that the threads know every handler
export * from '../src/index.js'
export { bringUp, makeGuest, setupMachine } from './setup.model.js'

const FIRST_VECTOR = 0x41
const MAX_SENDERS = 4

/** Of each guest, by pCPU: what the senders have counted up before they sent; what the guest has read. */
export const Box = perCpu('testBox', { sent: words(MAX_SENDERS), seen: words(MAX_SENDERS), taken: word })
export const Done = global('testDone', { senders: word })

/** Reads the count of whoever sent, ends the interrupt, sleeps when there is none. */
function readingProgram(v: Ref<'Vcpu'>): void {
  while (!guestMustExit()) {
    const vector = guestTakeInterrupt(v)
    if (vector < 0) {
      if (guestHalt()) return
    } else {
      read(load(v + Vcpu.processor), vector - FIRST_VECTOR)
      guestEoi(v)
    }
  }
}

function read(cpu: number, sender: number): void {
  const box = cpuArea(cpu, Box)
  store(box + Box.seen + sender, load(box + Box.sent + sender))
  fetchAdd(box + Box.taken, 1)
}

export const reading = handler('testReadingProgram', readingProgram)

/** Threads below `guests` are pCPUs with a guest; the others send `rounds` interrupts to each guest. */
export function runOrSend(index: number, guests: number, senders: number, rounds: number): number {
  irqEnable()
  beginLooking()
  return index < guests ? run(index, senders) : send(index - guests, guests, rounds)
}

function run(cpu: number, senders: number): number {
  let sleeps = 0
  while (!isAllSeen(cpu, senders)) {
    doSoftirq()
    const v = currentVcpu()
    if (!isIdleVcpu(v)) runGuest(v)
    else if (!isAllSeen(cpu, senders)) { sleepUnlessPending(); sleeps++ }
    if (!thisCpuOnline()) cpuPark()
  }
  return sleeps
}

function isAllSeen(cpu: number, senders: number): boolean {
  if (load(Done.base + Done.senders) < senders) return false
  const box = cpuArea(cpu, Box)
  for (let i = 0; i < senders; i++) if (load(box + Box.sent + i) !== load(box + Box.seen + i)) return false
  return true
}

function send(sender: number, guests: number, rounds: number): number {
  const d = domainById(1 as DomId)
  for (let i = 0; i < rounds; i++) {
    for (let n = 0; n < guests; n++) {
      fetchAdd(cpuArea(n, Box) + Box.sent + sender, 1)
      vlapicSetIrq(vcpuOf(d, n), FIRST_VECTOR + sender, false)
    }
    // now and then as long as it takes them to fall asleep
    if (i % 64 === 0) for (let wait = 0; wait < 2000; wait++) ld(Done.base + Done.senders)
  }
  fetchAdd(Done.base + Done.senders, 1)
  for (let n = 0; n < guests; n++) sendEventCheck(n)
  return rounds
}
