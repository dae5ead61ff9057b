// SPDX-License-Identifier: MIT
/**
 * Messages to local APICs, guest MSIs (GV-5) and those of the IO-APIC: a vector and flags select vCPUs of a domain.
 *
 *     gflags   15        14..12     9      8           7..0
 *            +---------+----------+------+-----------+-------------+
 *            | level   | delivery | mode | hint      | destination |
 *            +---------+----------+------+-----------+-------------+
 *
 * @xen xen/arch/x86/hvm/vmsi.c, vlapic.c (vlapic_lowest_prio)
 * Contexts  any in which a vCPU may be kicked.
 * Locks     none; the domain is held by the caller.
 *
 * G1  A message that no vCPU takes is counted and traced (the original ignores it).
 */
import type { Ref } from '@bottomhalf/base'
import { Domain, vcpuOf } from '@bottomhalf/domain'
import { fetchAdd, ld, load, store, trace } from '@bottomhalf/machine'
import { DOMAIN_HVM_STATE, HvmDomain } from './records.js'
import { vlapicEnabled, vlapicMatchesDest, vlapicProcessorPriority, vlapicSetIrq, vlapicSetNmi } from './vlapic.js'

/** Bits of gflags. */
export const VMSI_DEST_MASK = 0xff
export const VMSI_REDIRECTION_HINT = 1 << 8
export const VMSI_LOGICAL = 1 << 9
export const VMSI_DELIVERY_SHIFT = 12
export const VMSI_LEVEL = 1 << 15

/** Delivery modes: to all that match, to the one of lowest priority, an NMI to all. Others take no message. */
export const DELIVERY_FIXED = 0
export const DELIVERY_LOWEST_PRIORITY = 1
export const DELIVERY_NMI = 4

/** Trace event: a = domain id, b = gvec and gflags << 8. */
export const TRACE_MSI_UNDELIVERED = 0x1001

/** Deliver a message to `d`. Returns how many vCPUs took it; with none it is counted and traced (G1). */
export function vmsiDeliver(d: Ref<'Domain'>, gvec: number, gflags: number): number {
  const taken = deliverTo(d, gvec, gflags)
  if (taken === 0) countUndelivered(d, gvec, gflags)
  return taken
}

function deliverTo(d: Ref<'Domain'>, gvec: number, gflags: number): number {
  switch (gflags >> VMSI_DELIVERY_SHIFT & 7) {
    case DELIVERY_FIXED: return deliverFixed(d, gvec, gflags)
    case DELIVERY_LOWEST_PRIORITY: return deliverLowestPriority(d, gvec, gflags)
    case DELIVERY_NMI: return deliverNmi(d, gflags)
    default: return 0
  }
}

function deliverFixed(d: Ref<'Domain'>, gvec: number, gflags: number): number {
  let taken = 0
  for (let n = 0; n < ld(d + Domain.vcpuCount); n++) {
    const v = vcpuOf(d, n)
    if (vmsiMatchesVcpu(v, gflags) && vlapicSetIrq(v, gvec, (gflags & VMSI_LEVEL) !== 0)) taken++
  }
  return taken
}

function deliverNmi(d: Ref<'Domain'>, gflags: number): number {
  let taken = 0
  for (let n = 0; n < ld(d + Domain.vcpuCount); n++) {
    const v = vcpuOf(d, n)
    if (vmsiMatchesVcpu(v, gflags) && vlapicSetNmi(v)) taken++
  }
  return taken
}

function deliverLowestPriority(d: Ref<'Domain'>, gvec: number, gflags: number): number {
  const winner = lowestPriority(d, gflags)
  if (winner === 0) return 0
  return vlapicSetIrq(winner, gvec, (gflags & VMSI_LEVEL) !== 0) ? 1 : 0
}

// From the vCPU behind the last winner round: the first of those with the smallest processor priority wins.
function lowestPriority(d: Ref<'Domain'>, gflags: number): Ref<'Vcpu'> {
  const last = d + DOMAIN_HVM_STATE + HvmDomain.lowestPriorityLast
  const count = ld(d + Domain.vcpuCount)
  const start = load(last) + 1
  let winner = -1
  let lowest = 256
  for (let i = 0; i < count; i++) {
    const n = (start + i) % count
    const v = vcpuOf(d, n)
    if (!vmsiMatchesVcpu(v, gflags) || !vlapicEnabled(v)) continue
    const priority = vlapicProcessorPriority(v)
    if (priority >= lowest) continue
    winner = n
    lowest = priority
  }
  if (winner < 0) return 0
  store(last, winner)
  return vcpuOf(d, winner)
}

/** Whether a message with these flags is for `v`. */
export function vmsiMatchesVcpu(v: Ref<'Vcpu'>, gflags: number): boolean {
  return vlapicMatchesDest(v, gflags & VMSI_DEST_MASK, (gflags & VMSI_LOGICAL) !== 0)
}

/** The number of the one vCPU that such messages go to: 0 in a domain with one vCPU, -1 if none or several match. */
export function vmsiDestVcpuId(d: Ref<'Domain'>, gflags: number): number {
  const count = ld(d + Domain.vcpuCount)
  if (count === 1) return 0
  let only = -1
  for (let n = 0; n < count; n++) {
    if (!vmsiMatchesVcpu(vcpuOf(d, n), gflags)) continue
    if (only >= 0) return -1
    only = n
  }
  return only
}

/** Messages to `d` that no vCPU took. */
export function vmsiUndelivered(d: Ref<'Domain'>): number {
  return load(d + DOMAIN_HVM_STATE + HvmDomain.undelivered)
}

function countUndelivered(d: Ref<'Domain'>, gvec: number, gflags: number): void {
  fetchAdd(d + DOMAIN_HVM_STATE + HvmDomain.undelivered, 1)
  trace(TRACE_MSI_UNDELIVERED, ld(d + Domain.domId), gvec | gflags << 8)
}
