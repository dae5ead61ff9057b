// SPDX-License-Identifier: MIT
/**
 * Who is told when a CPU comes and goes, in which order.
 *
 *     up:    UP_PREPARE  (refused: UP_CANCELED)    STARTING    ONLINE          highest priority first
 *     down:  DOWN_PREPARE  (refused: DOWN_FAILED)  DYING       DEAD            lowest priority first
 *
 * @xen xen/common/cpu.c, xen/common/notifier.c
 * Contexts  registering: boot.  Calling: under the hotplug lock; STARTING and DYING on the CPU itself with IF = 0.
 * Locks     the chain is constant after boot; `accepted` and the event are guarded by the hotplug lock.
 *
 * C6  A refusal is rolled back for exactly those that had accepted, in the opposite order.
 *
 * CPU-4.
 */
import { bug } from '@bottomhalf/base'
import { callHandler, global, ld, st, struct, word, words, embed } from '@bottomhalf/machine'
import type { Errno, Ref } from '@bottomhalf/base'
import type { HandlerRef } from '@bottomhalf/machine'

/** About to come up: allocate. May refuse. */
export const CPU_UP_PREPARE = 1
/** It does not come up after all: undo UP_PREPARE. */
export const CPU_UP_CANCELED = 2
/** On the CPU itself, IF = 0, not online yet. */
export const CPU_STARTING = 3
/** It is online. */
export const CPU_ONLINE = 4
/** About to go down. May refuse. */
export const CPU_DOWN_PREPARE = 5
/** It stays after all: undo DOWN_PREPARE. */
export const CPU_DOWN_FAILED = 6
/** On the CPU itself, IF = 0, all others stopped, no longer online. Only locks that are taken with IF = 0. */
export const CPU_DYING = 7
/** It is parked; on the CPU that asked for its death: take over what it had. */
export const CPU_DEAD = 8

/** What a notifier is given the address of. */
export const CpuEvent = struct('CpuEvent', {
  // hotplug lock:
  action: word, cpu: word,
})

export type CpuEventRef = Ref<'CpuEvent'>

const MAX_NOTIFIERS = 32

const Notifiers = global('cpuNotifiers', {
  // constant after boot: handler and priority of each, highest priority first, equals in order of registration
  count: word, chain: words(2 * MAX_NOTIFIERS),
  // hotplug lock: how many the last walk got past
  accepted: word, event: embed(CpuEvent),
})

/**
 * Have `notifier` (arg = address of a `CpuEvent`; returns 0 or an errno) told of each CPU that comes and goes. Boot.
 * Only UP_PREPARE and DOWN_PREPARE may be refused: another refusal is a BUG.
 */
export function registerCpuNotifier(notifier: HandlerRef, priority: number): void {
  const count = ld(Notifiers.base + Notifiers.count)
  if (count === MAX_NOTIFIERS) bug('too many CPU notifiers')
  let at = count
  while (at > 0 && ld(entryAt(at - 1) + 1) < priority) {
    st(entryAt(at), ld(entryAt(at - 1)))
    st(entryAt(at) + 1, ld(entryAt(at - 1) + 1))
    at--
  }
  st(entryAt(at), notifier.id)
  st(entryAt(at) + 1, priority)
  st(Notifiers.base + Notifiers.count, count + 1)
}

/** Ask all whether a CPU may come up; roll back if one refuses. Returns its errno. */
export function notifyUpPrepare(cpu: number): Errno {
  const count = ld(Notifiers.base + Notifiers.count)
  const result = highestFirst(CPU_UP_PREPARE, cpu, 0, count)
  if (result !== 0) mustAccept(lowestFirst(CPU_UP_CANCELED, cpu, ld(Notifiers.base + Notifiers.accepted), 0))   // C6
  return result
}

/** Ask all whether a CPU may go down; roll back if one refuses. Returns its errno. */
export function notifyDownPrepare(cpu: number): Errno {
  const count = ld(Notifiers.base + Notifiers.count)
  const result = lowestFirst(CPU_DOWN_PREPARE, cpu, count, 0)
  if (result === 0) return 0
  const first = count - ld(Notifiers.base + Notifiers.accepted)
  mustAccept(highestFirst(CPU_DOWN_FAILED, cpu, first, count))   // C6
  return result
}

/** Tell all that a CPU comes up. Nobody can refuse any more. */
export function notifyComing(action: number, cpu: number): void {
  mustAccept(highestFirst(action, cpu, 0, ld(Notifiers.base + Notifiers.count)))
}

/** Tell all that a CPU goes down. Nobody can refuse any more. */
export function notifyGoing(action: number, cpu: number): void {
  mustAccept(lowestFirst(action, cpu, ld(Notifiers.base + Notifiers.count), 0))
}

function mustAccept(result: Errno): void {
  if (result !== 0) bug('a CPU notifier refused what cannot be refused', 'CPU-4')
}

/** From `begin` up to, without, `end`, until one refuses. */
function highestFirst(action: number, cpu: number, begin: number, end: number): Errno {
  for (let at = begin; at < end; at++) {
    const result = tell(at, action, cpu)
    if (result !== 0) return refused(at - begin, result)
  }
  return 0
}

/** From `begin`, without, down to `end`, until one refuses. */
function lowestFirst(action: number, cpu: number, begin: number, end: number): Errno {
  for (let at = begin - 1; at >= end; at--) {
    const result = tell(at, action, cpu)
    if (result !== 0) return refused(begin - 1 - at, result)
  }
  return 0
}

function tell(at: number, action: number, cpu: number): Errno {
  const event = Notifiers.base + Notifiers.event
  st(event + CpuEvent.action, action)
  st(event + CpuEvent.cpu, cpu)
  return callHandler(ld(entryAt(at)), event) | 0             // one that returns nothing accepts
}

function refused(accepted: number, result: Errno): Errno {
  st(Notifiers.base + Notifiers.accepted, accepted)
  return result
}

function entryAt(at: number): number {
  return Notifiers.base + Notifiers.chain + 2 * at
}
