// SPDX-License-Identifier: MIT
/**
 * How forms B to E2 bind: whoever finds the record active drops eventLock and waits in place, for an update of a live binding
 * too (U4); a dying domain is not refused (U9). The binding's domain is written here and nulled by a cancel.
 *
 * @xen xen/drivers/passthrough/io.c (pt_irq_create_bind)
 */
import { ERESTART, type Errno, type Ref } from '@bottomhalf/base'
import { Domain } from '@bottomhalf/domain'
import { AWAIT_ALL_CLEAR, awaitWord, ld, perCpu, st, store, thisCpu, word, type Susp } from '@bottomhalf/machine'
import {
  DPCI_RUN, DPCI_SCHED, dpciActive, HvmPirqDpci, type DpciBindRules,
} from '@bottomhalf/passthrough-io/variant'
import { spinLock, spinUnlock } from '@bottomhalf/spinlock'
import { DOM } from './linkedList.js'

const Wait = perCpu('publishedBindWait', {
  // own CPU, outside interrupts: the record that a bind found active
  dpci: word,
})

export function whyNotBind(d: Ref<'Domain'>, dpci: Ref<'HvmPirqDpci'>): Errno {
  if (dpciActive(dpci)) {
    st(thisCpu(Wait) + Wait.dpci, dpci)
    return -ERESTART
  }
  store(dpci + DOM, d)
  return 0
}

export function bindUnderLock(d: Ref<'Domain'>, attempt: Susp<() => Errno>): Errno {
  for (;;) {
    spinLock(d + Domain.eventLock)
    const result = attempt()
    spinUnlock(d + Domain.eventLock)
    if (result !== -ERESTART) return result
    awaitWord(ld(thisCpu(Wait) + Wait.dpci) + HvmPirqDpci.state, AWAIT_ALL_CLEAR, DPCI_SCHED | DPCI_RUN)     // U4
  }
}

export const bindRules: DpciBindRules = { whyNotBind, bindUnderLock }
