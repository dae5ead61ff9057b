// SPDX-License-Identifier: MIT
/**
 * Boot of this layer, and its part of every domain.
 *
 * Contexts  setupHvm: boot. Parts: as `registerDomainPart` says.
 */
import type { Errno, Ref } from '@bottomhalf/base'
import { registerDomainPart, Vcpu } from '@bottomhalf/domain'
import { handler, load, store } from '@bottomhalf/machine'
import { spinLockInit } from '@bottomhalf/spinlock'
import { softirqTaskletInit, taskletKill } from '@bottomhalf/tasklet'
import { initTimer, killTimer } from '@bottomhalf/timer'
import { evtchnDestroy } from './eventChannel.js'
import { singleshotHandler } from './guest.js'
import { assertEvtchnIrqHandler } from './irq.js'
import { checkRoom, DOMAIN_HVM_STATE, HvmDomain, HvmVcpu, VCPU_HVM, virqLockClass } from './records.js'
import { vlapicInit } from './vlapic.js'

function hvmDomainInit(d: Ref<'Domain'>): Errno {
  store(d + DOMAIN_HVM_STATE + HvmDomain.lowestPriorityLast, -1)
  return 0
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
const hvmDomainDestroyHandler = handler('hvmDomainDestroy', evtchnDestroy)
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
