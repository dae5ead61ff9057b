// SPDX-License-Identifier: MIT
/**
 * The vCPUs of a domain: made with it, freed with it, found by number.
 *
 * @xen xen/common/domain.c (vcpu_create), xen/common/schedule.c (pause flags)
 * Contexts  any, for a domain that the caller has a reference to (or reached under RCU).
 */
import { ENOMEM, type Errno, type Ref } from '@bottomhalf/base'
import { ld, load, st, store, xfree, xzalloc } from '@bottomhalf/machine'
import { Domain, Vcpu, VPF_DOWN } from './records.js'

/** Largest number of vCPUs of a domain. */
export const MAX_VCPUS = 128

/** The `n`-th vCPU of `d`; 0 if it has none of that number. */
export function vcpuOf(d: Ref<'Domain'>, n: number): Ref<'Vcpu'> {
  if (n < 0 || n >= ld(d + Domain.vcpuCount)) return 0
  return ld(vcpuSlot(d, n))
}

/** Whether `v` is a pCPU's idle vCPU, which belongs to no domain. */
export function isIdleVcpu(v: Ref<'Vcpu'>): boolean {
  return ld(v + Vcpu.domain) === 0
}

/** Whether nothing keeps `v` from running. Stable only under its schedule lock. */
export function vcpuRunnable(v: Ref<'Vcpu'>): boolean {
  return load(v + Vcpu.pauseFlags) === 0
}

/** Write the constant fields of a vCPU. A guest's is down until it is brought up. */
export function vcpuInit(v: Ref<'Vcpu'>, d: Ref<'Domain'>, n: number, pauseFlags: number): void {
  st(v + Vcpu.domain, d)
  st(v + Vcpu.vcpuId, n)
  store(v + Vcpu.pauseFlags, pauseFlags)
}

/** Allocate the vCPUs of `d`. On -ENOMEM the caller frees those that were made. */
export function allocateVcpus(d: Ref<'Domain'>): Errno {
  for (let n = 0; n < ld(d + Domain.vcpuCount); n++) {
    const v = xzalloc(Vcpu.sizeWords, Vcpu.tag)
    if (v === 0) return -ENOMEM
    vcpuInit(v, d, n, 1 << VPF_DOWN)
    st(vcpuSlot(d, n), v)
  }
  return 0
}

/** Free the vCPUs of `d` that were allocated. */
export function freeVcpus(d: Ref<'Domain'>): void {
  for (let n = 0; n < ld(d + Domain.vcpuCount); n++) {
    const v = ld(vcpuSlot(d, n))
    if (v !== 0) xfree(v)
  }
}

/** Words of a domain's block: the struct, then one word per vCPU. */
export function domainBlockWords(vcpuCount: number): number {
  return Domain.sizeWords + vcpuCount
}

function vcpuSlot(d: Ref<'Domain'>, n: number): number {
  return d + Domain.sizeWords + n
}
