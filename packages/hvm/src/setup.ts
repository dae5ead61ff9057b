// SPDX-License-Identifier: MIT
/**
 * Boot of this layer, and its part of every domain.
 *
 * Contexts  setupHvm: boot. Parts: as `registerDomainPart` says.
 */
import { ENOMEM, type Errno, type Ref } from '@bottomhalf/base'
import { isHvmDomain, registerDomainPart, Vcpu } from '@bottomhalf/domain'
import { handler, ld, load, st, store, xfree, xzalloc } from '@bottomhalf/machine'
import { spinLockInit } from '@bottomhalf/spinlock'
import { softirqTaskletInit, taskletKill } from '@bottomhalf/tasklet'
import { initTimer, killTimer } from '@bottomhalf/timer'
import { evtchnDestroy } from './eventChannel.js'
import { singleshotHandler } from './guest.js'
import { assertEvtchnIrqHandler } from './irq.js'
import {
  checkRoom, DOMAIN_HVM_STATE, HvmDomain, HvmIrq, hvmIrqLockClass, HvmVcpu, VCPU_HVM, virqLockClass,
} from './records.js'
import { vioapicInit } from './vioapic.js'
import { vlapicInit } from './vlapic.js'
import { vpicInit } from './vpic.js'

const IRQ = DOMAIN_HVM_STATE + HvmDomain.irq

function hvmDomainInit(d: Ref<'Domain'>): Errno {
  store(d + DOMAIN_HVM_STATE + HvmDomain.lowestPriorityLast, -1)
  return isHvmDomain(d) ? createLines(d) : 0
}

function createLines(d: Ref<'Domain'>): Errno {
  const irq = xzalloc(HvmIrq.sizeWords, HvmIrq.tag)
  if (irq === 0) return -ENOMEM
  spinLockInit(irq + HvmIrq.lock, hvmIrqLockClass)
  vioapicInit(irq)
  vpicInit(irq)
  st(d + IRQ, irq)
  return 0
}

function hvmDomainDestroy(d: Ref<'Domain'>): void {
  evtchnDestroy(d)
  if (ld(d + IRQ) !== 0) xfree(ld(d + IRQ))
}

function hvmVcpuInit(v: Ref<'Vcpu'>): Errno {
  const my = v + VCPU_HVM
  vlapicInit(v)
  spinLockInit(my + HvmVcpu.virqLock, virqLockClass)
  initTimer(my + HvmVcpu.singleshotTimer, singleshotHandler, v, load(v + Vcpu.processor))
  softirqTaskletInit(my + HvmVcpu.assertEvtchnIrqTasklet, assertEvtchnIrqHandler, v)
  return 0
}

// The timer first: its function schedules the tasklet.
function hvmVcpuDestroy(v: Ref<'Vcpu'>): void {
  killTimer(v + VCPU_HVM + HvmVcpu.singleshotTimer)
  taskletKill(v + VCPU_HVM + HvmVcpu.assertEvtchnIrqTasklet)
}

const hvmDomainInitHandler = handler('hvmDomainInit', hvmDomainInit)
const hvmDomainDestroyHandler = handler('hvmDomainDestroy', hvmDomainDestroy)
const hvmVcpuInitHandler = handler('hvmVcpuInit', hvmVcpuInit)
const hvmVcpuDestroyHandler = handler('hvmVcpuDestroy', hvmVcpuDestroy)

/** Called once by the boot CPU, after `setupSched`: a vCPU's timer needs its processor. */
export function setupHvm(): void {
  checkRoom()
  registerDomainPart({
    domainInit: hvmDomainInitHandler, domainDestroy: hvmDomainDestroyHandler,
    vcpuInit: hvmVcpuInitHandler, vcpuDestroy: hvmVcpuDestroyHandler,
  })
}
