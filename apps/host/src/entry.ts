// SPDX-License-Identifier: MIT
/**
 * What each thread of a run loads: the machine's code, all of it, so that every thread has the same layout.
 *
 * Contexts  boot: CPU 0, once, before any other CPU.  report: each CPU, when its loop has ended.
 */
import { bootMachine, faultsAtRest, softirqNames, type RestFault } from '@bottomhalf/hypervisor'
import { guestProgram } from '@bottomhalf/guest'
import { ipisSent } from '@bottomhalf/cpu'
import { cpuCount, fetchAdd, global, irqDisable, irqEnable, word } from '@bottomhalf/machine'
import { softirqRuns } from '@bottomhalf/softirq'
import { knownLocks, LOCK_TAS, LOCK_TICKET, PROFILE_WAITS, spinLockProfile } from '@bottomhalf/spinlock'
import { TASKLET_LOCK_GLOBAL, TASKLET_LOCK_PER_CPU } from '@bottomhalf/tasklet'
import { plugDevices } from './slots.js'
import type { LockCounts, RunOptions } from './report.js'

/** Machine interrupts of a run at most: its devices, and some to spare. */
const IRQS = 1024

const Run = global('hostRun', {
  // atomic: CPUs whose loop has ended
  ended: word,
})

/** What the last CPU of a run found at rest. Plain data. */
export interface RestReport {
  readonly faults: readonly RestFault[]
  readonly locks: readonly (LockCounts & { readonly name: string })[]
  readonly ipis: number
  readonly softirqs: Readonly<Record<string, number>>
}

/** Called on CPU 0 with the memory laid out. */
export function boot(data: unknown): void {
  const { options } = data as { options: RunOptions }
  bootMachine({
    lockKind: options.lock === 'ticket' ? LOCK_TICKET : LOCK_TAS,
    lockProfile: PROFILE_WAITS,
    taskletLock: options.taskletLock === 'per-cpu' ? TASKLET_LOCK_PER_CPU : TASKLET_LOCK_GLOBAL,
    irqs: IRQS,
    irqOptions: { rateThreshold: options.scenario.rateLimit },
    guestPrograms: [guestProgram],
  })
  irqEnable()               // as whoever plugs a device later does: pcidevs is taken with IF = 1
  plugDevices(options.scenario)
  irqDisable()
}

/** Called on each CPU at its end; the last one looks at everything. */
export function report(): RestReport | undefined {
  const ended = fetchAdd(Run.base + Run.ended, 1) + 1
  if (ended < cpuCount()) return undefined
  return { faults: faultsAtRest(), locks: lockCounts(), ipis: sum(ipisSent), softirqs: softirqCounts() }
}

function lockCounts(): RestReport['locks'] {
  const classes = new Map<string, { name: string, acquisitions: number, contended: number, waitNs: number }>()
  for (const { lock, className: name } of knownLocks()) {
    const { acquisitions, contended, waitedNs } = spinLockProfile(lock)
    const all = classes.get(name) ?? { name, acquisitions: 0, contended: 0, waitNs: 0 }
    all.acquisitions += acquisitions
    all.contended += contended
    all.waitNs += waitedNs
    classes.set(name, all)
  }
  return [...classes.values()]
}

function softirqCounts(): Record<string, number> {
  return Object.fromEntries(softirqNames.map(([name, nr]) => [name, sum((cpu) => softirqRuns(cpu, nr))]))
}

function sum(of: (cpu: number) => number): number {
  let total = 0
  for (let cpu = 0; cpu < cpuCount(); cpu++) total += of(cpu)
  return total
}
