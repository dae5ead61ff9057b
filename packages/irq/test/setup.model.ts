// SPDX-License-Identifier: MIT
/** Boot of the layers below, and a passthrough layer and a level-triggered controller that write down what is asked of them. */
import { assert } from '@bottomhalf/base'
import { fetchAdd, embed, global, handler, ld, load, perCpu, st, store, thisCpu, word } from '@bottomhalf/machine'
import { hotplugLockClass, setupCpus } from '@bottomhalf/cpu'
import { DOMAIN_HVM, domainCreate, pirqRecordGetOrCreate, setupDomains, Vcpu, vcpuOf } from '@bottomhalf/domain'
import { setupRcu } from '@bottomhalf/rcu'
import { setupSoftirqs } from '@bottomhalf/softirq'
import { declareLockOrder, setupSpinlocks } from '@bottomhalf/spinlock'
import { setupTimers, timersLockClass } from '@bottomhalf/timer'
import { descAt } from '../src/irqDesc.js'
import { tiedIrq } from '../src/pirqIrq.js'
import {
  ACK_UNMASK, HwIrqController, IrqDesc, irqDescLockClass, mapDomainPirq, MsiEntry, rateLimitLockClass,
  setPirqOperations, setupIrqs, vectorLockClass,
} from '../src/index.js'
import type { IrqOptions } from '../src/index.js'
import type { DomId, Errno, Pirq, Ref, SoftirqNr } from '@bottomhalf/base'

/** What the test's layers have seen. Atomic counters. */
export const Seen = global('seen', {
  // handlers' answers and counts
  delivered: word, initialised: word, events: word, isDirty: word, takesNothing: word,
  lastCpu: word, lastPirq: word,
  startups: word, shutdowns: word, acks: word, ends: word, moves: word,
  actions: word, inside: word, overlaps: word, sent: word, covered: word, msi: embed(MsiEntry),
})

/** What a CPU's actions found. */
export const Here = perCpu('here', { actions: word })

/** Set-up that must succeed. */
export function ok(result: Errno): void {
  assert(result === 0, 'set-up of the test failed')
}

export const seen = (field: number): number => Seen.base + field

/** Interrupts that `setupMachine` makes room for. */
export const IRQS = 40

export function setupMachine(cpus: number, options: IrqOptions = {}): void {
  setupSpinlocks({})
  // LK-4, as far as this package goes
  declareLockOrder([hotplugLockClass, irqDescLockClass, vectorLockClass, rateLimitLockClass, timersLockClass])
  setupCpus(cpus)
  setupSoftirqs(1 as SoftirqNr)
  setupTimers(0 as SoftirqNr)
  setupRcu(3 as SoftirqNr)
  setupDomains()
  ok(setupIrqs(IRQS, options))
  setPirqOperations({ deliver: deliverHandler, init: initHandler, clean: cleanHandler, sendEvent: sendEventHandler })
}

/** A domain with one vCPU, which is on `cpu`, and 16 pIRQs. */
export function createDomain(domId: number, cpu: number): Ref<'Domain'> {
  const d = domainCreate({ domId: domId as DomId, kind: DOMAIN_HVM, vcpus: 1, nrPirqs: 16 })
  store(vcpuOf(d, 0) + Vcpu.processor, cpu)
  return d
}

/** A record of the domain, tied to an interrupt whoever else is: what a shared line will be. */
export function tie(d: Ref<'Domain'>, pirq: number, irq: number): Ref<'PirqRecord'> {
  const record = pirqRecordGetOrCreate(d, pirq as Pirq)
  st(tiedIrq(record), irq)
  return record
}

/** Map, and return the record. */
export function map(d: Ref<'Domain'>, pirq: number, irq: number): Ref<'PirqRecord'> {
  ok(mapDomainPirq(d, pirq as Pirq, irq))
  return pirqRecordGetOrCreate(d, pirq as Pirq)
}

/** Hang the descriptor on the level-triggered controller. */
export function makeLevel(irq: number): void {
  const controller = Level.base + Level.controller
  st(controller + HwIrqController.startup, startupHandler.id)
  st(controller + HwIrqController.shutdown, shutdownHandler.id)
  st(controller + HwIrqController.ack, ackHandler.id)
  st(controller + HwIrqController.end, endHandler.id)
  st(controller + HwIrqController.setAffinity, moveHandler.id)
  st(controller + HwIrqController.ackKind, ACK_UNMASK)
  st(descAt(irq) + IrqDesc.controller, controller)
}

const Level = global('levelController', { controller: embed(HwIrqController) })

const startupHandler = handler('testStartup', () => { fetchAdd(seen(Seen.startups), 1) })
const shutdownHandler = handler('testShutdown', () => { fetchAdd(seen(Seen.shutdowns), 1) })
const ackHandler = handler('testAck', () => { fetchAdd(seen(Seen.acks), 1) })
const endHandler = handler('testEnd', () => { fetchAdd(seen(Seen.ends), 1) })
const moveHandler = handler('testMove', () => { fetchAdd(seen(Seen.moves), 1) })

function deliver(pirq: number): number {
  fetchAdd(seen(Seen.delivered), 1)
  store(seen(Seen.lastPirq), pirq)
  return load(seen(Seen.takesNothing)) === 0 ? 1 : 0
}

const deliverHandler = handler('testDeliver', deliver)
const initHandler = handler('testInit', () => { fetchAdd(seen(Seen.initialised), 1) })
const cleanHandler = handler('testClean', () => load(seen(Seen.isDirty)) === 0 ? 1 : 0)
const sendEventHandler = handler('testSendEvent', () => { fetchAdd(seen(Seen.events), 1) })

/** The host's action: counts, says what was sent before it began, and whether two CPUs are inside at once. */
function action(_data: number): void {
  if (fetchAdd(seen(Seen.inside), 1) !== 0) fetchAdd(seen(Seen.overlaps), 1)
  store(seen(Seen.covered), load(seen(Seen.sent)))
  fetchAdd(seen(Seen.actions), 1)
  st(thisCpu(Here) + Here.actions, ld(thisCpu(Here) + Here.actions) + 1)
  fetchAdd(seen(Seen.inside), -1)
}

export const actionHandler = handler('testAction', action)
