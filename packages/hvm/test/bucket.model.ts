// SPDX-License-Identifier: MIT
/** A domain gets its second bucket of ports while somebody looks at a port of it; and the same in another order (twin). */
import type { Ref } from '@bottomhalf/base'
import { vcpuOf } from '@bottomhalf/domain'
import { load, store, xfree, xmalloc } from '@bottomhalf/machine'
import { evtchnBindVirq, evtchnUnmask, HvmDomain, HvmVcpu, VIRQ_COUNT } from '../src/index.js'
import { DOMAIN_HVM_STATE, EvtchnBucket, PORTS_PER_BUCKET, VCPU_HVM } from '../src/records.js'
import { setup } from './guest.model.js'

/** A guest of two vCPUs with every port of its first bucket bound. The memory that comes next is full of ones. */
export function setupFull(): Ref<'Domain'> {
  const d = setup(2, { pins: [0, 1] })
  for (let n = 0; n < PORTS_PER_BUCKET - 1; n++) evtchnBindVirq(vcpuOf(d, Math.floor(n / VIRQ_COUNT)), n % VIRQ_COUNT)
  const dirty = xmalloc(EvtchnBucket.sizeWords, EvtchnBucket.tag)
  fill(dirty, -1)
  xfree(dirty)
  return d
}

/** Bind one more. */
export function expand(d: Ref<'Domain'>): number {
  return evtchnBindVirq(vcpuOf(d, 1), VIRQ_COUNT - 1)
}

/** Twin: the bucket can be found before it is whole. */
export function expandPublishedFirst(d: Ref<'Domain'>): number {
  const bucket = xmalloc(EvtchnBucket.sizeWords, EvtchnBucket.tag)
  store(d + DOMAIN_HVM_STATE + HvmDomain.buckets + 1, bucket)
  fill(bucket, 0)
  return PORTS_PER_BUCKET
}

function fill(bucket: Ref<'EvtchnBucket'>, value: number): void {
  for (let n = 0; n < EvtchnBucket.sizeWords; n++) store(bucket + n, value)
}

/** The guest unmasks a port of the second bucket, whether it has one yet or not. */
export function unmaskNext(d: Ref<'Domain'>): number {
  return evtchnUnmask(d, PORTS_PER_BUCKET)
}

/** Whether a vCPU was told of an event. */
export function isAnyoneTold(d: Ref<'Domain'>): boolean {
  const upcall = VCPU_HVM + HvmVcpu.upcallPending
  return load(vcpuOf(d, 0) + upcall) !== 0 || load(vcpuOf(d, 1) + upcall) !== 0
}
