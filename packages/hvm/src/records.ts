// SPDX-License-Identifier: MIT
/**
 * What delivery to a guest keeps: per vCPU its local APIC, its event words and the two records of deferred work that
 * wake it; per domain its event channels, and its interrupt lines with their controllers in a block of their own.
 */
import { assert, type Ref } from '@bottomhalf/base'
import { Domain, Vcpu } from '@bottomhalf/domain'
import { embed, extend, ld, lineBreak, ref, struct, word, words } from '@bottomhalf/machine'
import { lockClass, SpinLock } from '@bottomhalf/spinlock'
import { Tasklet } from '@bottomhalf/tasklet'
import { Timer } from '@bottomhalf/timer'
import { VpicChip } from './vpicChip.js'

/** Virtual interrupts of a vCPU by number. */
export const VIRQ_TIMER = 0
export const VIRQ_COUNT = 24

/** Ports of a domain: a selector bit stands for each bucket of 32. */
export const PORTS_PER_BUCKET = 32
export const BUCKETS = 32
export const EVTCHN_PORTS = BUCKETS * PORTS_PER_BUCKET

/** Bits of `HvmVcpu.wires`. NMI: off when the vCPU takes it. PIC: the output of the PIC, at LINT0. */
export const WIRE_NMI = 0
export const WIRE_PIC = 1

/** Pins of the IO-APIC, and so GSIs of a domain. */
export const IOAPIC_PINS = 48

export const HvmVcpu = struct('HvmVcpu', {
  // local APIC, owned by the vCPU:
  isr: words(8),
  // local APIC, atomic; written by the vCPU, read by whoever sends:
  enabled: word, lvtError: word, lint0: word, taskPriority: word, logicalId: word, destFormat: word,
  /** Highest vector in service, -1 if none: the top of `isr`. */
  inService: word,
  lineOfOthers: lineBreak,
  // local APIC, atomic; written by whoever sends an interrupt:
  irr: words(8), tmr: words(8), errors: word,
  /** A bit for each word of `irr` that may be other than 0. */
  irrRows: word,
  /** Interrupts that reach the vCPU beside its local APIC's requests: a bit for each. */
  wires: word,
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

/** The guest's interrupt lines and their controllers. */
export const HvmIrq = struct('HvmIrq', {
  lock: embed(SpinLock),
  // irqLock: wires that are asserted (4 bits for each device, 8 devices in a word; a bit for each ISA line)
  pciIntx: words(4), isaIrqs: word,
  // irqLock: how many wires assert a link, and the ISA line that it is routed to, 0 if to none
  linkAssertCount: words(4), linkRoute: words(4),
  // irqLock: how many assert a GSI: wires, routed links, the callback line
  gsiAssertCount: words(IOAPIC_PINS),
  // irqLock: the IO-APIC; an entry is two words
  ioapicSelect: word, ioapicId: word, ioapicEntries: words(2 * IOAPIC_PINS),
  // irqLock: the pins whose vector is of a class (its upper four bits), a bit for each pin, two words for each class
  ioapicPinsOfClass: words(2 * 16),
  // irqLock: two VpicChip
  pic: words(2 * VpicChip.sizeWords),
})

export const HvmDomain = struct('HvmDomain', {
  // written at init, constant after: 0 in a PV domain
  irq: ref('HvmIrq'),
  // atomic: vector injected while a vCPU has events, 0 if none is
  callbackVector: word,
  // written under irqLock, read without: the line instead of the vector, 0 if there is none; whether it is high
  callbackLine: word, callbackAsserted: word,
  // atomic: vCPU number of the last winner of a lowest-priority choice, -1 before the first
  lowestPriorityLast: word,
  // atomic: MSIs that no vCPU took (GV-5)
  undelivered: word,
  // written under eventLock, read without: addresses of EvtchnBucket, 0 if not made yet
  buckets: words(BUCKETS),
})

/** A vCPU's words of this layer lie at `v + VCPU_HVM`, a domain's at `d + DOMAIN_HVM_STATE`. */
export const VCPU_HVM = Vcpu.hvm
export const DOMAIN_HVM_STATE = Domain.hvm

/** A vCPU's virqPorts. Taken with interrupts off; eventLock outside of it. */
export const virqLockClass = lockClass('virq')

/** A domain's HvmIrq. Outside of it eventLock, inside schedule locks; never together with irqDesc.lock (LK-4). */
export const hvmIrqLockClass = lockClass('hvm.irqLock')

/** The interrupt lines of an HVM domain. */
export function hvmIrqOf(d: Ref<'Domain'>): Ref<'HvmIrq'> {
  const irq = ld(d + DOMAIN_HVM_STATE + HvmDomain.irq)
  assert(irq !== 0, 'a domain that is no HVM guest has no interrupt lines', 'GV-2')
  return irq
}

/** The GSI of an ISA line: line 0 has that of the cascade, which is no line (GV-3). */
export function isaIrqToGsi(isaIrq: number): number {
  return isaIrq === 0 ? 2 : isaIrq
}

/** The ISA line of a GSI, -1 if it has none. */
export function gsiToIsaIrq(gsi: number): number {
  if (gsi === 2) return 0
  return gsi > 0 && gsi < 16 ? gsi : -1
}

/** Check, at boot, that the records of `domain` have room for this layer. */
export function checkRoom(): void {
  extend(Vcpu, 'hvm', HvmVcpu)
  extend(Domain, 'hvm', HvmDomain)
}
