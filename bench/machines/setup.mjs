// SPDX-License-Identifier: MIT
/** A booted machine with a passthrough record of its own, in a domain of its own, for each CPU. */
import { bug } from '@bottomhalf/base'
import { DOMAIN_HVM, Domain, domainCreate, pirqRecordOf } from '@bottomhalf/domain'
import { bootMachine } from '@bottomhalf/hypervisor'
import { MsiEntry, createMsiIrq, mapDomainPirq, msiReset } from '@bottomhalf/irq'
import { cpuArea, cpuCount, irqDisable, irqEnable, ld, perCpu, st, thisCpu, word, xzalloc } from '@bottomhalf/machine'
import { dpciOf, scheduleDpci } from '@bottomhalf/passthrough-io'
import { doSoftirq } from '@bottomhalf/softirq'
import { LOCK_TAS, LOCK_TICKET, PROFILE_OFF, spinLock, spinUnlock } from '@bottomhalf/spinlock'
import { TASKLET_LOCK_GLOBAL } from '@bottomhalf/tasklet'

const Bench = perCpu('bench', { record: word })

/** Boot, and make the records. CPU 0, before any other runs. */
export function boot({ ticket = false } = {}) {
  const lockKind = ticket ? LOCK_TICKET : LOCK_TAS
  bootMachine({ lockKind, lockProfile: PROFILE_OFF, taskletLock: TASKLET_LOCK_GLOBAL, irqs: 64, guestPrograms: [] })
  for (let cpu = 0; cpu < cpuCount(); cpu++) st(cpuArea(cpu, Bench) + Bench.record, makeRecord(cpu))
}

function makeRecord(cpu) {
  const d = domainCreate({ domId: cpu + 1, kind: DOMAIN_HVM, vcpus: 1, nrPirqs: 8 })
  const msi = xzalloc(MsiEntry.sizeWords, MsiEntry.tag)
  msiReset(msi)
  const irq = createMsiIrq(msi, cpu)
  spinLock(d + Domain.eventLock)
  const result = mapDomainPirq(d, 0, irq)
  const record = pirqRecordOf(d, 0)
  spinUnlock(d + Domain.eventLock)
  if (result !== 0) bug('the record of a benchmark could not be made')
  return dpciOf(record)
}

/** `n` cycles on this CPU: an arrival, the softirq (or tasklet), the assist. */
export function cycles(n) {
  const record = ld(thisCpu(Bench) + Bench.record)
  for (let i = 0; i < n; i++) {
    irqDisable()
    scheduleDpci(record)
    irqEnable()
    doSoftirq()
  }
}
