// SPDX-License-Identifier: MIT
/**
 * A domain's own numbers for machine interrupts.
 *
 * @xen xen/arch/x86/irq.c
 * Contexts  eventLock of the domain held; never interrupt context.
 * Locks     irqDesc.lock, inside eventLock.
 *
 * IRQ-9   An unmapped pIRQ that was bound keeps its number until the guest's own unbind; until then it cannot be tied again.
 * IRQ-10  A record is freed, through RCU, when every part of it is at rest.
 */
import { EBUSY, EEXIST, EINVAL, ENOMEM, ENOSPC, type Errno, type Pirq, type Ref } from '@bottomhalf/base'
import { Domain, PirqRecord, pirqRecordGetOrCreate, pirqRecordOf, pirqRecordRemove } from '@bottomhalf/domain'
import { ld, st } from '@bottomhalf/machine'
import { spinLockIrqsave, spinUnlockIrqrestore } from '@bottomhalf/spinlock'
import { initPirq, pirqIsClean } from './guestAction.js'
import { pirqGuestForceUnbind } from './guestBind.js'
import { IrqDesc, irqDescOf, knownIrqDesc } from './irqDesc.js'
import { pirqIrqNumber, tiedIrq } from './pirqIrq.js'

/**
 * Tie a pIRQ to a machine interrupt. -EINVAL: number out of range, no such interrupt. -EEXIST: the pIRQ is tied already.
 * -EBUSY: it was unbound by force and waits for the guest, or it is an MSI that another pIRQ has (lines are shared, IRQ-5).
 * -ENOMEM.
 */
export function mapDomainPirq(d: Ref<'Domain'>, pirq: Pirq, irq: number): Errno {
  if (!pirqInRange(d, pirq)) return -EINVAL
  const desc = irqDescOf(irq)
  if (desc === 0) return -EINVAL
  const old = pirqIrqNumber(pirqRecordOf(d, pirq))
  if (old !== 0) return old > 0 ? -EEXIST : -EBUSY
  const record = recordForMapping(d, pirq)
  if (record === 0) return -ENOMEM
  if (!takeMapping(desc)) {
    cleanUpPirq(record)
    return -EBUSY
  }
  st(tiedIrq(record), irq)
  return 0
}

/** Untie a pIRQ, unbinding it by force if it is bound. -EINVAL: it is not tied. */
export function unmapDomainPirq(d: Ref<'Domain'>, pirq: Pirq): Errno {
  if (!pirqInRange(d, pirq)) return -EINVAL
  const record = pirqRecordOf(d, pirq)
  const irq = pirqIrqNumber(record)
  if (irq <= 0) return -EINVAL
  const forced = pirqGuestForceUnbind(record)
  dropMapping(knownIrqDesc(irq))
  st(tiedIrq(record), forced ? -irq : 0)                                                         // IRQ-9
  cleanUpPirq(record)
  return 0
}

/** The highest free number of the domain; -ENOSPC if all are taken. */
export function findFreePirq(d: Ref<'Domain'>): number {
  for (let pirq = ld(d + Domain.nrPirqs) - 1; pirq >= 0; pirq--) {
    if (pirqRecordOf(d, pirq as Pirq) === 0) return pirq
  }
  return -ENOSPC
}

/** Free a record if every part of it is at rest: no interrupt, no event channel, nothing of passthrough (IRQ-10). */
export function cleanUpPirq(record: Ref<'PirqRecord'>): void {
  if (ld(tiedIrq(record)) !== 0 || ld(record + PirqRecord.evtchn) !== 0) return
  if (pirqIsClean(record)) pirqRecordRemove(record)
}

function recordForMapping(d: Ref<'Domain'>, pirq: Pirq): Ref<'PirqRecord'> {
  const known = pirqRecordOf(d, pirq)
  if (known !== 0) return known
  const record = pirqRecordGetOrCreate(d, pirq)
  if (record !== 0) initPirq(record)
  return record
}

function takeMapping(desc: Ref<'IrqDesc'>): boolean {
  const flags = spinLockIrqsave(desc + IrqDesc.lock)
  const mappings = ld(desc + IrqDesc.mappings)
  const free = mappings === 0 || ld(desc + IrqDesc.pin) !== 0
  if (free) st(desc + IrqDesc.mappings, mappings + 1)
  spinUnlockIrqrestore(desc + IrqDesc.lock, flags)
  return free
}

function dropMapping(desc: Ref<'IrqDesc'>): void {
  const flags = spinLockIrqsave(desc + IrqDesc.lock)
  st(desc + IrqDesc.mappings, ld(desc + IrqDesc.mappings) - 1)
  spinUnlockIrqrestore(desc + IrqDesc.lock, flags)
}

function pirqInRange(d: Ref<'Domain'>, pirq: Pirq): boolean {
  return pirq >= 0 && pirq < ld(d + Domain.nrPirqs)
}
