// SPDX-License-Identifier: MIT
/**
 * What delivery to a guest keeps: per vCPU its local APIC, its event words and the two records of deferred work that
 * wake it; per domain its event channels.
 */
import { checkExtension, Domain, HVM_DOMAIN_WORDS, HVM_VCPU_WORDS, Vcpu } from '@bottomhalf/domain'
import { embed, global, handlerId, lineBreak, struct, word, words } from '@bottomhalf/machine'
import { lockClass, SpinLock } from '@bottomhalf/spinlock'
import { Tasklet } from '@bottomhalf/tasklet'
import { Timer } from '@bottomhalf/timer'

/** Virtual interrupts of a vCPU by number. */
export const VIRQ_TIMER = 0
export const VIRQ_COUNT = 24

/** Ports of a domain: a selector bit stands for each bucket of 32. */
export const PORTS_PER_BUCKET = 32
export const BUCKETS = 32
export const EVTCHN_PORTS = BUCKETS * PORTS_PER_BUCKET

export const HvmVcpu = struct('HvmVcpu', {
  // local APIC, owned by the vCPU:
  isr: words(8),
  // local APIC, atomic; written by the vCPU, read by whoever sends:
  enabled: word, lvtError: word, taskPriority: word, logicalId: word, destFormat: word,
  /** Highest vector in service, -1 if none: the top of `isr`. */
  inService: word,
  lineOfOthers: lineBreak,
  // local APIC, atomic; written by whoever sends an interrupt:
  irr: words(8), tmr: words(8), errors: word,
  /** A bit for each word of `irr` that may be other than 0. */
  irrRows: word,
  // events, atomic (GV-7):
  upcallPending: word, selector: word,
  // virqLock:
  virqLock: embed(SpinLock), virqPorts: words(VIRQ_COUNT),
  // written at init, constant after; see timer and tasklet for their own rules
  singleshotTimer: embed(Timer),
  assertEvtchnIrqTasklet: embed(Tasklet),
})

export const EventChannel = struct('EventChannel', {
  // eventLock:
  state: word,
  /** The pIRQ record, or the number of the VIRQ. */
  data: word,
  // written under eventLock, read by the guest, so atomic:
  vcpuId: word,
})

/** 32 ports. `pending` and `mask` are the guest's words: it reads and writes them as it likes. */
export const EvtchnBucket = struct('EvtchnBucket', {
  // atomic:
  pending: word, mask: word,
  channels: words(PORTS_PER_BUCKET * EventChannel.sizeWords),
})

export const HvmDomain = struct('HvmDomain', {
  // atomic: vector injected while a vCPU has events, 0 if none is
  callbackVector: word,
  // atomic: vCPU number of the last winner of a lowest-priority choice, -1 before the first
  lowestPriorityLast: word,
  // atomic: MSIs that no vCPU took (GV-5)
  undelivered: word,
  // written under eventLock, read without: addresses of EvtchnBucket, 0 if not made yet
  buckets: words(BUCKETS),
})

/** Who is told of a guest's EOI; constant after boot. */
export const EoiOperations = global('eoiOperations', { msiEoi: handlerId })

/** A vCPU's words of this layer lie at `v + VCPU_HVM`, a domain's at `d + DOMAIN_HVM_STATE`. */
export const VCPU_HVM = Vcpu.hvm
export const DOMAIN_HVM_STATE = Domain.hvm

/** A vCPU's virqPorts. Taken with interrupts off; eventLock outside of it. */
export const virqLockClass = lockClass('virq')

/** Check, at boot, that the records of `domain` have room for this layer. */
export function checkRoom(): void {
  checkExtension(HvmVcpu, HVM_VCPU_WORDS)
  checkExtension(HvmDomain, HVM_DOMAIN_WORDS)
}
