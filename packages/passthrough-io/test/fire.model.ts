// SPDX-License-Identifier: MIT
/** What the contexts of the stepped tests run: arrivals, softirqs, a control operation that unbinds and binds again. */
import { cpuRelax, fetchAnd, global, load, raiseVector, store, word } from '@bottomhalf/machine'
import { pirqRecordOf, vcpuOf } from '@bottomhalf/domain'
import { vcpuPin } from '@bottomhalf/sched'
import { doSoftirq } from '@bottomhalf/softirq'
import { ERESTART, type Errno, type Pirq, type Ref } from '@bottomhalf/base'
import { DPCI_RUN, dpciDomain, dpciOf, HvmPirqDpci, ptIrqCreateBind, ptIrqDestroyBind } from '../src/index.js'
import { ARRIVAL_VECTORS, createDomain, mapDevice, msiBind, ok, setArrival, setupMachine, takeRequested } from './setup.model.js'

/** Records 0 and 1: pIRQ 5 with vector 0x35, pIRQ 6 with vector 0x36. */
export const PIRQS = [5, 6] as const
export const GVECS = [0x35, 0x36] as const

const Fire = global('testFire', { isDone: word })

/** One domain with two bound records; returns the first, the other is `secondOf` it. */
export function createFire(): Ref<'HvmPirqDpci'> {
  const d = createDomain(1)
  ok(vcpuPin(vcpuOf(d, 0), 0))
  for (let n = 0; n < 2; n++) bindDevice(d, n)
  return recordOf(d, PIRQS[0])
}

/** The same on a machine that is booted for it, without the checks of the locks. */
export function bootFire(cpus: number): Ref<'HvmPirqDpci'> {
  setupMachine(cpus, false)
  return createFire()
}

export function secondOf(first: Ref<'HvmPirqDpci'>): Ref<'HvmPirqDpci'> {
  return recordOf(dpciDomain(first), PIRQS[1])
}

function recordOf(d: Ref<'Domain'>, pirq: number): Ref<'HvmPirqDpci'> {
  return dpciOf(pirqRecordOf(d, pirq as Pirq))
}

function bindDevice(d: Ref<'Domain'>, n: number): void {
  const pirq = n === 0 ? PIRQS[0] : PIRQS[1]
  const irq = mapDevice(d, pirq, n)
  ok(ptIrqCreateBind(d, msiBind(pirq)))
  setArrival(n, irq, recordOf(d, pirq))
}

/** Arrivals: [record, CPU] each. */
export function fire(arrivals: readonly (readonly [number, number])[]): void {
  for (const [record, cpu] of arrivals) raiseVector(cpu, ARRIVAL_VECTORS[0] + record)
}

/** A CPU that comes by so many times. */
export function serve(turns: number): void {
  for (let n = 0; n < turns; n++) doSoftirq()
}

/** The end of a run that another CPU finds under way. */
export function leave(dpci: Ref<'HvmPirqDpci'>): void {
  for (let n = 0; n < 10; n++) load(dpci + HvmPirqDpci.state)
  fetchAnd(dpci + HvmPirqDpci.state, ~DPCI_RUN)
}

/** A CPU that comes by again and again until the control operation is over. */
export function serveUntilDone(): void {
  while (load(Fire.base + Fire.isDone) === 0) {
    doSoftirq()
    cpuRelax()
  }
}

/** Unbind record 0, and forget what was delivered before: from here on nothing may come (I2). */
export function unbind(dpci: Ref<'HvmPirqDpci'>): void {
  const d = dpciDomain(dpci)
  ok(ptIrqDestroyBind(d, msiBind(PIRQS[0])))
  takeRequested(d, GVECS[0])
}

/** Unbind record 0 and try once to bind it again: answers 0 or -ERESTART. What was delivered before is forgotten. */
export function rebindOnce(dpci: Ref<'HvmPirqDpci'>): Errno {
  const d = dpciDomain(dpci)
  unbind(dpci)
  return ptIrqCreateBind(d, msiBind(PIRQS[0]))
}

/** Unbind record 0 and bind it again, serving what is pending each time that a run of the old binding is not over. */
export function rebind(dpci: Ref<'HvmPirqDpci'>): void {
  const d = dpciDomain(dpci)
  ok(ptIrqDestroyBind(d, msiBind(PIRQS[0])))
  let result = ptIrqCreateBind(d, msiBind(PIRQS[0]))
  while (result === -ERESTART) {
    doSoftirq()
    cpuRelax()
    result = ptIrqCreateBind(d, msiBind(PIRQS[0]))
  }
  ok(result)
  store(Fire.base + Fire.isDone, 1)
}
