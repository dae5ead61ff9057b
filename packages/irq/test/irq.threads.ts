// SPDX-License-Identifier: MIT
/** What the threads of the stress test run: a device that sends, CPUs that serve, one that moves interrupts and takes CPUs down. */
import { cpuDown, cpuPark, cpuUp, sendEventCheck, thisCpuOnline } from '@bottomhalf/cpu'
import { vcpuOf } from '@bottomhalf/domain'
import {
  cpuRelax, fetchAdd, global, haltUntilInterrupt, irqDisable, irqEnable, load, NO_CPU, setCurrentCpu, store, word,
} from '@bottomhalf/machine'
import { doSoftirq } from '@bottomhalf/softirq'
import { irqSetAffinity, linePulse, msiSend, pirqGuestBind, pirqGuestEoi, pirqGuestUnbind } from '../src/index.js'
import { ok, Seen, seen } from './setup.model.js'
import './offline.model.js'
import './programs.model.js'
import type { Ref } from '@bottomhalf/base'

export const Stress = global('irqStress', { stop: word, sent: word, failures: word })

export const GSI = 5

/** A thread per CPU, and two devices behind them. */
export function main(index: number, cpus: number, rounds: number, irq: number, d: Ref<'Domain'>, pirq: number): number {
  if (index === 0) return conduct(cpus, rounds, irq, d, pirq)
  if (index < cpus) return foot()
  setCurrentCpu(NO_CPU)
  return index === cpus ? sender() : pulser()
}

/** CPU 0: affinity spread over all, a guest that comes and goes, a CPU that goes and comes. */
function conduct(cpus: number, rounds: number, irq: number, d: Ref<'Domain'>, pirq: Ref<'PirqRecord'>): number {
  irqEnable()
  for (let i = 0; i < rounds; i++) {
    void irqSetAffinity(irq, i % cpus)
    ok(pirqGuestBind(vcpuOf(d, 0), pirq, false))
    pirqGuestEoi(pirq)
    doSoftirq()
    ok(pirqGuestUnbind(pirq))
    const cpu = 1 + i % (cpus - 1)
    if (i % 4 !== 0) continue
    if (cpuDown(cpu) !== 0 || cpuUp(cpu) !== 0) fetchAdd(Stress.base + Stress.failures, 1)
  }
  store(Stress.base + Stress.stop, 1)
  awaitDevices()
  for (let cpu = 1; cpu < cpus; cpu++) sendEventCheck(cpu)
  return rounds
}

/** Until both devices have ended and their last message was served. */
function awaitDevices(): void {
  while (load(Stress.base + Stress.stop) < 3) cpuRelax()
  // the number of looks is bounded, so that a lost message fails the test and does not hang it
  for (let n = 0; n < 1_000_000 && load(seen(Seen.covered)) !== load(Stress.base + Stress.sent); n++) cpuRelax()
  store(Stress.base + Stress.stop, 4)
}

function foot(): number {
  let turns = 0
  for (;; turns++) {
    irqDisable()
    if (load(Stress.base + Stress.stop) === 4) return turns
    if (thisCpuOnline()) haltUntilInterrupt()
    else cpuPark()
    irqEnable()
    if (thisCpuOnline()) doSoftirq()
  }
}

/** The host's MSI: each message is counted before it is sent. */
function sender(): number {
  let n = 0
  while (load(Stress.base + Stress.stop) === 0) {
    n++
    store(Stress.base + Stress.sent, n)
    store(seen(Seen.sent), n)
    msiSend(seen(Seen.msi))
    for (let pause = 0; pause < 200; pause++) cpuRelax()
  }
  fetchAdd(Stress.base + Stress.stop, 1)
  return n
}

/** The guest's line. */
function pulser(): number {
  let n = 0
  while (load(Stress.base + Stress.stop) === 0) {
    n++
    linePulse(GSI)
    for (let pause = 0; pause < 500; pause++) cpuRelax()
  }
  fetchAdd(Stress.base + Stress.stop, 1)
  return n
}
