// SPDX-License-Identifier: MIT
/** A live binding is given another vector by a caller that holds pcidevs, while RCU has a domain to destroy. */
import { defineModel } from '@bottomhalf/checker'
import { embed, global, handler } from '@bottomhalf/machine'
import { callRcu, RcuHead } from '@bottomhalf/rcu'
import { lockClass, SpinLock, spinLock, spinLockInit, spinUnlock } from '@bottomhalf/spinlock'
import { arrivals, type ModelMaker } from './maker.js'
import { addBound, bind, boot, ok, serveUntil } from './world.js'

const Pci = global('historyPci', {
  // stands for pcidevs; the destruction of another domain, which takes it
  pcidevs: embed(SpinLock), destroyed: embed(RcuHead),
})

const pcidevsClass = lockClass('historyPcidevs')

export const bindUnderPcidevs: ModelMaker = () => defineModel<unknown>({
  name: 'bind-under-pcidevs', cpus: 1,
  setup: () => {
    boot(1)
    spinLockInit(Pci.base + Pci.pcidevs, pcidevsClass)
    addBound(0)
  },
  threads: [{
    run: () => {
      callRcu(Pci.base + Pci.destroyed, destroyHandler)
      spinLock(Pci.base + Pci.pcidevs)
      ok(bind(0, 1))
      spinUnlock(Pci.base + Pci.pcidevs)
      serveUntil(0, 1)
    },
  }],
  interrupts: arrivals(0, 0, 1),
})

const destroyHandler = handler('historyDestroy', (_head: number): void => {
  spinLock(Pci.base + Pci.pcidevs)
  spinUnlock(Pci.base + Pci.pcidevs)
})
