// SPDX-License-Identifier: MIT
/** A binding is undone, and its number untied at once, while a run of it is on its way. */
import { defineModel } from '@bottomhalf/checker'
import { arrivals, type ModelMaker } from './maker.js'
import { unmap } from './teardown.js'
import { addBound, boot, ok, serveUntil, unbind } from './world.js'

export const unmapUnderFire: ModelMaker = ({ irqs = 1 }) => defineModel<unknown>({
  name: 'unmap-under-fire', cpus: 1, parameters: { irqs },
  setup: () => {
    boot(1)
    addBound(0)
  },
  threads: [{
    run: () => {
      unbind(0, 0)
      ok(unmap(0))
      serveUntil(0, irqs)
    },
  }],
  interrupts: arrivals(0, 0, irqs),
})
