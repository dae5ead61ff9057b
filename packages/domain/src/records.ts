// SPDX-License-Identifier: MIT
/**
 * The three records that a guest is made of, as the layers share them: domain, vCPU, pIRQ record.
 *
 *     Domain -- eventLock, pirqs: index of PirqRecord by pIRQ number; pages by kind; sched: SchedDomain of sched
 *       | vcpus[vcpuCount] behind the struct, in the same block
 *       v
 *     Vcpu   -- sched: SchedVcpu of sched, hvm: HvmVcpu of hvm
 */
import { RcuHead } from '@bottomhalf/rcu'
import { SparseIndex } from '@bottomhalf/atomics'
import { ListHead } from '@bottomhalf/list'
import { embed, handlerId, lineBreak, ref, struct, word, words } from '@bottomhalf/machine'
import { SpinLock } from '@bottomhalf/spinlock'
import { extension } from './extension.js'

/** Values of `Domain.kind`. */
export const DOMAIN_PV = 1
export const DOMAIN_HVM = 2

/** Values of `Domain.dying`: they only grow. */
export const DOMAIN_ALIVE = 0
export const DOMAIN_DYING = 1
export const DOMAIN_DEAD = 2

/** Kinds of a domain's pages, in the order in which they go (DOM-5): those of a table before what its entries name. */
export const PAGE_PAGING = 0
export const PAGE_SHARED = 1
export const PAGE_XEN = 2
export const PAGE_L4_TABLE = 3
export const PAGE_L3_TABLE = 4
export const PAGE_L2_TABLE = 5
export const PAGE_GUEST = 6
export const PAGE_KINDS = 7

/** Pages of one kind that a domain owns. */
export const PageList = struct('PageList', {
  // pageLock of the domain:
  head: embed(ListHead), count: word,
})

export const Domain = struct('Domain', {
  // written at creation, constant after:
  domId: word, kind: word, vcpuCount: word, nrPirqs: word,
  /** What the pCPU loop calls at VM entry, with the vCPU; `guestData` is the program's own word. */
  guestProgram: handlerId, guestData: word,
  // domain list lock; read under RCU, so atomic:
  nextInBucket: ref('Domain'),
  // atomic. dying: grows only, to DYING under eventLock. killing: on while one CPU is at it (kill.ts). shutdown, and
  // pauses that control operations asked for: see pause.ts
  dying: word, killing: word, shutdown: word, controllerPauses: word,
  // whoever has `killing` on: the step of DOM-5 that is to be done next
  relinquishStep: word,
  // taken by control operations only; nothing is taken inside:
  pageLock: embed(SpinLock), pages: words(PAGE_KINDS * PageList.sizeWords),
  // domain list lock, then RCU:
  rcu: embed(RcuHead),
  // atomic; every interrupt takes and drops a reference, so it has a line of its own:
  refcount: word, refcountEnd: lineBreak,
  // taken in softirq and control operations, never in interrupt context (LK-4):
  eventLock: embed(SpinLock),
  // writers: eventLock; readers: eventLock or RCU
  pirqs: embed(SparseIndex),
  // eventLock: the passthrough state of the domain, 0 while it has none
  hvmIrqDpci: ref('HvmIrqDpci'),
  // atomic, written under eventLock, read at a guest's EOI without: bound MSIs whose EOI the machine waits for
  dpciEoiMsis: word,
  sched: extension(32),
  hvm: extension(96),
})

/**
 * `Vcpu.pauseFlags`: bits for single reasons not to run, and from bit VPF_COUNT_SHIFT on a count of pauses. The vCPU may
 * run when the word is 0, so that one look tells.
 */
export const VPF_BLOCKED = 0
export const VPF_DOWN = 1
export const VPF_PARKED = 2
export const VPF_COUNT_SHIFT = 8

export const Vcpu = struct('Vcpu', {
  // written at creation, constant after; an idle vCPU has no domain:
  domain: ref('Domain'), vcpuId: word,
  lineOfOthers: lineBreak,
  // atomic. processor: written under the schedule locks of both CPUs, read without to find the lock
  processor: word,
  // atomic. BLOCKED: set by the vCPU itself, cleared by whoever wakes it. DOWN: set and cleared by control operations.
  // PARKED: set and cleared by the scheduler's accounting. Count: see pause.ts
  pauseFlags: word,
  // the pCPU that runs it: 1 + the pCPU that entered it last
  enteredOn: word,
  // atomic. Written by the CPU that runs it: on before the first look for interrupts, off when nothing of it is left there
  isRunning: word,
  sched: extension(96),
  hvm: extension(256),
})

export const PirqRecord = struct('PirqRecord', {
  // written at creation, constant after:
  domain: ref('Domain'), pirq: word,
  // atomic; written under eventLock, read by an interrupt that finds no other taker: its event channel, 0 if none
  evtchn: word,
  // index and eventLock, then RCU:
  rcu: embed(RcuHead),
  irq: extension(32),
  dpci: extension(64),
})
