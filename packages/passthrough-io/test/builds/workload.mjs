// SPDX-License-Identifier: MIT
/**
 * One workload for both builds: the whole stack as built, three CPUs, a seeded mix of messages, softirqs, binds and
 * unbinds. `run(cpu, fn)` calls a function of the packages as that CPU, to its end, and answers what it returned.
 */
import { setupCpus } from '@bottomhalf/cpu'
import { Domain, DOMAIN_HVM, domainCreate, domainReferences, pirqRecordOf, putDomain, setupDomains } from '@bottomhalf/domain'
import { setupHvm } from '@bottomhalf/hvm'
import { createMsiIrq, destroyIrq, irqSetAffinity, mapDomainPirq, msiSend, setupIrqs, unmapDomainPirq } from '@bottomhalf/irq'
import { struct, words } from '@bottomhalf/machine'
import {
  dpciActive, dpciOf, GFLAGS_UNMASKED, PT_IRQ_TYPE_MSI, ptIrqCreateBind, ptIrqDestroyBind, setupPassthroughIo,
} from '@bottomhalf/passthrough-io'
import { setupRcu } from '@bottomhalf/rcu'
import { setupSched, setupSchedCpu } from '@bottomhalf/sched'
import { doSoftirq, setupSoftirqs, softirqRuns } from '@bottomhalf/softirq'
import { setupSpinlocks, spinLock, spinUnlock } from '@bottomhalf/spinlock'
import { setupTasklets } from '@bottomhalf/tasklet'
import { setupTimers } from '@bottomhalf/timer'

export const CPUS = 3
export const DPCI_SOFTIRQ = 10
const ERESTART = 85

/** The words of the devices: their MSI entries. */
export const Devices = struct('WorkloadDevices', { msi: words(8) })

export function boot(run) {
  run(0, () => setupSpinlocks({}))
  run(0, () => setupCpus(CPUS))
  run(0, () => setupSoftirqs(1))
  run(0, () => setupTimers(0))
  run(0, () => setupRcu(3))
  run(0, () => setupTasklets({ softirqNr: 4, scheduleNr: 1, lock: 0 }))
  run(0, () => setupDomains())
  must(run(0, () => setupIrqs(16)))
  run(0, () => setupSched({ scheduleNr: 1, vcpuKickNr: 7 }))
  for (let cpu = 0; cpu < CPUS; cpu++) run(0, () => setupSchedCpu(cpu))
  run(0, () => setupHvm())
  run(0, () => setupPassthroughIo(DPCI_SOFTIRQ))
}

/** A domain with devices 0 to n-1, device n on CPU n mod 3, each bound to vector 0x40 + n. */
export function createGuest(run, devices, n, domId = 1) {
  const d = run(0, () => domainCreate({ domId, kind: DOMAIN_HVM, vcpus: 1, nrPirqs: 16 }))
  const irqs = []
  for (let i = 0; i < n; i++) {
    const irq = run(0, () => createMsiIrq(devices + Devices.msi + i, i % CPUS))
    run(0, () => spinLock(d + Domain.eventLock))
    must(run(0, () => mapDomainPirq(d, i, irq)))
    run(0, () => spinUnlock(d + Domain.eventLock))
    must(run(0, () => ptIrqCreateBind(d, bindOf(i))))
    run(0, () => irqSetAffinity(irq, i % CPUS))
    irqs.push(irq)
  }
  return { d, irqs, records: irqs.map((_, i) => dpciOf(run(0, () => pirqRecordOf(d, i)))) }
}

export const bindOf = (i, gvec = 0x40 + i) => ({ type: PT_IRQ_TYPE_MSI, pirq: i, gvec, gflags: GFLAGS_UNMASKED })

/** `steps` operations by chance; `look` is called now and then. */
export function mix(run, devices, steps, seed, look) {
  const draw = numbers(seed)
  const guest = createGuest(run, devices, 4)
  const results = {}
  for (let n = 0; n < steps; n++) {
    const cpu = draw(CPUS)
    const i = draw(4)
    const [name, act] = [
      ['send', () => msiSend(devices + Devices.msi + i)], ['send', () => msiSend(devices + Devices.msi + i)],
      ['serve', () => doSoftirq()], ['serve', () => doSoftirq()], ['serve', () => doSoftirq()],
      ['unbind', () => ptIrqDestroyBind(guest.d, bindOf(i))], ['bind', () => ptIrqCreateBind(guest.d, bindOf(i))],
      ['update', () => ptIrqCreateBind(guest.d, bindOf(i, 0x60 + n % 100))], ['move', () => irqSetAffinity(guest.irqs[i], draw(CPUS))],
    ][draw(9)]
    const result = run(cpu, act) ?? 0
    results[`${name} ${result}`] = (results[`${name} ${result}`] ?? 0) + 1
    if (n % 50 === 49) look()
  }
  end(run, guest, 4)
  look()
  return results
}

function end(run, { d, irqs }, n) {
  for (let i = 0; i < n; i++) {
    run(1, () => ptIrqDestroyBind(d, bindOf(i)))
    settle(run)
    run(0, () => spinLock(d + Domain.eventLock))
    must(run(0, () => unmapDomainPirq(d, i)))
    run(0, () => spinUnlock(d + Domain.eventLock))
    must(run(0, () => destroyIrq(irqs[i])))
  }
  must(run(0, () => domainReferences(d)) - 1)
  run(2, () => putDomain(d))
  settle(run)
}

export function settle(run) {
  for (let turn = 0; turn < 4; turn++) for (let cpu = 0; cpu < CPUS; cpu++) run(cpu, () => doSoftirq())
}

/** What a run left: softirqs served, and for each record whether it rests. */
export function countsOf(run, guest) {
  const runs = Array.from({ length: CPUS }, (_, cpu) => run(0, () => softirqRuns(cpu, DPCI_SOFTIRQ)))
  const active = guest.records.map((record) => run(0, () => dpciActive(record)))
  return { runs, active, references: run(0, () => domainReferences(guest.d)) }
}

function must(result) {
  if (result !== 0) throw new Error(`the workload's set-up answered ${result === -ERESTART ? '-ERESTART' : result}`)
}

function numbers(seed) {
  let state = seed
  return (limit) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor(state / 2 ** 32 * limit)
  }
}
