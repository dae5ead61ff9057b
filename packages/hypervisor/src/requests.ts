// SPDX-License-Identifier: MIT
/**
 * The control operations as a caller sees them: a number, arguments as words, and how to read what comes back.
 *
 *     perform(requests.createDomain({ domId, vcpus: 2, nrPirqs: 32, guestProgram }), pause)
 *
 * Contexts  any: nothing here touches the machine.
 *
 * Q1  The order of the words stands here and in the decoding of the operation, and nowhere else.
 */
import type { DomId, Pirq, Ref } from '@bottomhalf/base'

/** Words of arguments, and of what comes back in their place. */
export const CONTROL_WORDS = 24

/** Words of a set of CPUs among the arguments. */
export const CPU_SET_WORDS = 8

/** Numbers of the operations. */
export const Operation = {
  CreateDomain: 1, BindMsi: 2, UnbindMsi: 3,
  KillDomain: 4, PauseDomain: 5, UnpauseDomain: 6, ShutdownDomain: 7, ResumeDomain: 8,
  SetAffinity: 9, SetSchedule: 10, NextDomain: 11, DomainState: 12, VcpuState: 13,
  MapLine: 14, UnmapLine: 15, MapMessages: 16, UnmapMessages: 17, BindIrq: 18, UnbindIrq: 19,
  AddDevice: 20, RemoveDevice: 21, AssignDevice: 22, DeassignDevice: 23,
  CpuUp: 24, CpuDown: 25, CpuState: 26,
  RegisterTable: 27, UnregisterTable: 28,
} as const
export type Operation = (typeof Operation)[keyof typeof Operation]

/** What is asked for. `ids` are for messages. */
export interface ControlRequest<Result> {
  readonly operation: Operation
  readonly args: readonly number[]
  readonly ids: Readonly<Record<string, number>>
  /** The result of an operation that answered 0, from the words that came back. */
  readonly read: (words: readonly number[]) => Result
}

// ---- domains

/** In `CreateDomain` flags. */
export const CREATE_PINNED = 1
export const CREATE_PAUSED = 2

export interface CreateDomain {
  readonly domId: DomId
  /** Number of vCPUs; 1 if left out. */
  readonly vcpus?: number
  /** Valid pIRQs are 0..nrPirqs-1. */
  readonly nrPirqs: number
  /** Id of one of the machine's guest programs, and the program's own word. */
  readonly guestProgram: number
  readonly guestData?: number
  /** DOMAIN_HVM (if left out) or DOMAIN_PV. */
  readonly kind?: number
  /** Where its vCPUs may run: everywhere if left out. */
  readonly cpus?: readonly number[]
  /** Tie vCPU n to the n-th of `cpus`, again from the first when there are more vCPUs. */
  readonly pinned?: boolean
  /** 1..65535; 256 if left out. */
  readonly weight?: number
  /** In % of a CPU; 0 or left out: none. */
  readonly cap?: number
  /** Created with one pause, which `unpauseDomain` takes back. */
  readonly paused?: boolean
}

export interface DomainState {
  readonly kind: number, readonly vcpus: number, readonly nrPirqs: number
  /** DOMAIN_ALIVE, DOMAIN_DYING or DOMAIN_DEAD. */
  readonly dying: number
  /** SHUTDOWN_...; -1 if it was not shut down. */
  readonly shutdownReason: number
  /** Pauses that control operations asked for. */
  readonly pauses: number
  readonly weight: number, readonly cap: number
  /** pIRQs that are tied to a machine interrupt. */
  readonly pirqs: number
  readonly references: number
}

export interface VcpuState {
  readonly processor: number
  /** RUNSTATE_... */
  readonly runstate: number
  readonly runningNs: number, readonly runnableNs: number, readonly blockedNs: number, readonly offlineNs: number
  /** Of `runningNs`: eaten by the hypervisor (SCH-3). */
  readonly hypervisorNs: number
}

// ---- interrupts

/** A device that is on no bus: its MSI becomes pIRQ `pirq` of the domain, and a message of vector `gvec` there. */
export interface BindMsi {
  readonly domId: DomId, readonly pirq: Pirq, readonly msi: Ref<'MsiEntry'>, readonly gvec: number, readonly gflags: number
}

/** Messages of a PCI device: see `PciMessages` of passthrough-pci. */
export interface Messages {
  readonly sbdf: number, readonly kind: number, readonly first: number, readonly count: number
}

/** See `PtIrqBind` of passthrough-io: what a type does not use is 0 if left out. */
export interface BindIrq {
  readonly type: number
  readonly pirq: Pirq
  readonly gvec?: number, readonly gflags?: number
  readonly bus?: number, readonly device?: number, readonly intx?: number
}

/** See `PciDeviceInfo` of passthrough-pci. */
export interface AddDevice {
  readonly sbdf: number
  readonly isExtfn?: boolean
  /** Address of its physical function within the segment: it is a virtual one. */
  readonly physfn?: number
  readonly numaNode?: number
}

/** Pages of a guest's memory. */
export const GUEST_PAGE_BYTES = 4096

/** For `mapLine`: whichever number is free. */
export const ANY_PIRQ = -1

/** In `AddDevice` flags. */
export const ADD_EXTFN = 1
export const ADD_VIRTFN = 2
export const ADD_NODE = 4

/** Makers of requests. */
export const requests = Object.freeze({
  /** -EINVAL: an argument is out of range, or a CPU is not online. -EEXIST: the id is taken. -ENOMEM. */
  createDomain: (o: CreateDomain): ControlRequest<undefined> => nothing(Operation.CreateDomain, [
    o.domId, o.kind ?? 2, o.vcpus ?? 1, o.nrPirqs, o.guestProgram, o.guestData ?? 0, o.weight ?? 256, o.cap ?? 0,
    (o.pinned === true ? CREATE_PINNED : 0) | (o.paused === true ? CREATE_PAUSED : 0), ...cpuSet(o.cpus),
  ], { domId: o.domId }),
  /** Kill a domain, or go on with it. -ESRCH. Or what a step refused with: then it stays dying. */
  killDomain: (domId: DomId) => nothing(Operation.KillDomain, [domId], { domId }),
  /** Returns when none of its vCPUs runs. -ESRCH. -EINVAL: dying. -EBUSY: too many pauses. */
  pauseDomain: (domId: DomId) => nothing(Operation.PauseDomain, [domId], { domId }),
  /** -ESRCH. -EINVAL: dying, or no pause is to take back. */
  unpauseDomain: (domId: DomId) => nothing(Operation.UnpauseDomain, [domId], { domId }),
  /** Stop a domain for a reason SHUTDOWN_...; the first one stands. -ESRCH. -EINVAL: dying, or no such reason. */
  shutdownDomain: (domId: DomId, reason: number) =>
    nothing(Operation.ShutdownDomain, [domId, reason], { domId, reason }),
  /** Let a suspended domain go on. -ESRCH. -EINVAL: dying, or not suspended. */
  resumeDomain: (domId: DomId) => nothing(Operation.ResumeDomain, [domId], { domId }),
  /** -ESRCH. -EINVAL: dying, no such vCPU, no such CPU, or none of the CPUs is online. */
  setAffinity: (domId: DomId, vcpuId: number, cpus: readonly number[]) =>
    nothing(Operation.SetAffinity, [domId, vcpuId, ...cpuSet(cpus)], { domId, vcpuId }),
  /** -ESRCH. -EINVAL: dying, weight not 1..65535, or cap not 0..100 for each vCPU. */
  setSchedule: (domId: DomId, weight: number, cap: number) =>
    nothing(Operation.SetSchedule, [domId, weight, cap], { domId, weight, cap }),
  /** The lowest id from `from` on that a domain has. -ESRCH: none. */
  nextDomain: (from: number): ControlRequest<DomId> =>
    ({ operation: Operation.NextDomain, args: [from], ids: { from }, read: ([domId = 0]) => domId as DomId }),
  /** -ESRCH. */
  domainState: (domId: DomId): ControlRequest<DomainState> =>
    ({ operation: Operation.DomainState, args: [domId], ids: { domId }, read: readDomainState }),
  /** -ESRCH. -EINVAL: no such vCPU. */
  vcpuState: (domId: DomId, vcpuId: number): ControlRequest<VcpuState> =>
    ({ operation: Operation.VcpuState, args: [domId, vcpuId], ids: { domId, vcpuId }, read: readVcpuState }),

  /**
   * Tie a pIRQ, or (pirq ANY_PIRQ) a free one, to a line of the machine; its number comes back. The first for a line says how
   * it is triggered and ended: `sort` is LINE_... of irq. -ESRCH. -EINVAL: dying, out of range, no such line or sort.
   * -EEXIST, -EBUSY, -ENOSPC, -ENOMEM: as `createLineIrq`, `mapDomainPirq`, `findFreePirq`.
   */
  mapLine: (domId: DomId, pirq: number, gsi: number, sort: number): ControlRequest<Pirq> =>
    ({ ...nothing(Operation.MapLine, [domId, pirq, gsi, sort], { domId, pirq, gsi }), read: ([n = 0]) => n as Pirq }),
  /** Untie one, unbinding it by force. -ESRCH. -EINVAL: out of range, not tied, or tied to a message. */
  unmapLine: (domId: DomId, pirq: Pirq) => nothing(Operation.UnmapLine, [domId, pirq], { domId, pirq }),
  /** Messages of the domain's own device become its pIRQs from `pirq` on. -ESRCH, and as `pciMapMsi`. */
  mapMessages: (domId: DomId, { sbdf, kind, first, count }: Messages, pirq: Pirq) =>
    nothing(Operation.MapMessages, [domId, sbdf, kind, first, count, pirq], { domId, sbdf, first, count, pirq }),
  /** -ESRCH, and as `pciUnmapMsi`. */
  unmapMessages: (domId: DomId, { sbdf, kind, first, count }: Messages) =>
    nothing(Operation.UnmapMessages, [domId, sbdf, kind, first, count], { domId, sbdf, first, count }),
  /**
   * The MSI-X vector table of the device that the pIRQ is a message of lies at the byte address `gtable` of its guest, whose
   * accesses are taken over from now on (PCI-8). -ESRCH. -EINVAL: pIRQ out of range; others as `msixtblPtRegister`.
   */
  registerTable: (domId: DomId, pirq: Pirq, gtable: number) =>
    nothing(Operation.RegisterTable, [domId, pirq, ...guestAddress(gtable)], { domId, pirq }),
  /** Take one registration back. -ESRCH. -EINVAL: pIRQ out of range. -ENODEV: nothing is registered for its device. */
  unregisterTable: (domId: DomId, pirq: Pirq) => nothing(Operation.UnregisterTable, [domId, pirq], { domId, pirq }),
  /** Bind a tied pIRQ to the guest, or change a binding. -ESRCH, and as `ptIrqCreateBind`. */
  bindIrq: (domId: DomId, o: BindIrq) => nothing(Operation.BindIrq, bindArgs(domId, o), { domId, pirq: o.pirq }),
  /** -ESRCH, and as `ptIrqDestroyBind`. */
  unbindIrq: (domId: DomId, o: BindIrq) => nothing(Operation.UnbindIrq, bindArgs(domId, o), { domId, pirq: o.pirq }),
  /** Make the interrupt of an MSI that is on no bus, tie it and bind it. -ESRCH, -EINVAL, -EEXIST, -EBUSY, -ENOSPC, -ENOMEM. */
  bindMsi: (o: BindMsi) =>
    nothing(Operation.BindMsi, [o.domId, o.pirq, o.msi, o.gvec, o.gflags], { domId: o.domId, pirq: o.pirq }),
  /** Take that back; the interrupt is no more. -ESRCH. -EINVAL: the pIRQ is not bound to such an MSI. */
  unbindMsi: (domId: DomId, pirq: Pirq) => nothing(Operation.UnbindMsi, [domId, pirq], { domId, pirq }),

  /** As `pciAddDevice`. */
  addDevice: (o: AddDevice) => nothing(Operation.AddDevice, addDeviceArgs(o), { sbdf: o.sbdf }),
  /** As `pciRemoveDevice`. */
  removeDevice: (sbdf: number) => nothing(Operation.RemoveDevice, [sbdf], { sbdf }),
  /** -ESRCH, and as `assignDevice`. */
  assignDevice: (domId: DomId, sbdf: number) => nothing(Operation.AssignDevice, [domId, sbdf], { domId, sbdf }),
  /** -ESRCH, and as `deassignDevice`. */
  deassignDevice: (domId: DomId, sbdf: number) => nothing(Operation.DeassignDevice, [domId, sbdf], { domId, sbdf }),

  /** As `cpuUp`: -EINVAL, -EBUSY, or what a notifier refused with. */
  cpuUp: (cpu: number) => nothing(Operation.CpuUp, [cpu], { cpu }),
  /** As `cpuDown`: -EINVAL, -EBUSY, or what a notifier refused with. */
  cpuDown: (cpu: number) => nothing(Operation.CpuDown, [cpu], { cpu }),
  /** CPU_OFFLINE and its like. -EINVAL: no such CPU. */
  cpuState: (cpu: number): ControlRequest<number> =>
    ({ operation: Operation.CpuState, args: [cpu], ids: { cpu }, read: ([state = 0]) => state }),
})

function nothing(
  operation: Operation, args: readonly number[], ids: Readonly<Record<string, number>>,
): ControlRequest<undefined> {
  return { operation, args, ids, read: () => undefined }
}

/** A bit per CPU, 32 to a word. A CPU that no set can have makes it empty, which every operation refuses. */
function cpuSet(cpus: readonly number[] | undefined): number[] {
  const set = new Array<number>(CPU_SET_WORDS).fill(0)
  if (cpus === undefined) return set.fill(-1)
  for (const cpu of cpus) {
    if (!Number.isInteger(cpu) || cpu < 0 || cpu >= CPU_SET_WORDS * 32) return set.fill(0)
    set[cpu >> 5]! |= 1 << (cpu & 31)
  }
  return set
}

/** A guest's page and the byte in it. What no two words can say becomes a byte that no page has, which is refused. */
function guestAddress(address: number): number[] {
  const page = Math.floor(address / GUEST_PAGE_BYTES)
  return page >= 0 && page < 2 ** 32 && Number.isInteger(address) ? [page | 0, address % GUEST_PAGE_BYTES] : [0, -1]
}

function bindArgs(domId: DomId, o: BindIrq): number[] {
  return [domId, o.type, o.pirq, o.gvec ?? 0, o.gflags ?? 0, o.bus ?? 0, o.device ?? 0, o.intx ?? 0]
}

function addDeviceArgs({ sbdf, isExtfn, physfn, numaNode }: AddDevice): number[] {
  const flags = (isExtfn === true ? ADD_EXTFN : 0) | (physfn === undefined ? 0 : ADD_VIRTFN) |
    (numaNode === undefined ? 0 : ADD_NODE)
  return [sbdf, flags, physfn ?? 0, numaNode ?? 0]
}

function readDomainState(words: readonly number[]): DomainState {
  const [kind = 0, vcpus = 0, nrPirqs = 0, dying = 0, shutdownReason = 0, pauses = 0] = words
  const [weight = 0, cap = 0, pirqs = 0, references = 0] = words.slice(6)
  return { kind, vcpus, nrPirqs, dying, shutdownReason, pauses, weight, cap, pirqs, references }
}

function readVcpuState(words: readonly number[]): VcpuState {
  const [processor = 0, runstate = 0] = words
  const [runningNs = 0, runnableNs = 0, blockedNs = 0, offlineNs = 0, hypervisorNs = 0] =
    [0, 1, 2, 3, 4].map((i) => (words[2 + 2 * i] ?? 0) * 2 ** 32 + ((words[3 + 2 * i] ?? 0) >>> 0))
  return { processor, runstate, runningNs, runnableNs, blockedNs, offlineNs, hypervisorNs }
}
