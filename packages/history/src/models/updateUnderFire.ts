// SPDX-License-Identifier: MIT
/** A live binding is given another vector while its interrupts arrive at the CPU that does it. */
import { defineModel } from '@bottomhalf/checker'
import { arrivals, type ModelMaker } from './maker.js'
import { addBound, bind, boot, ok, serveUntil } from './world.js'

export const updateUnderFire: ModelMaker = ({ irqs = 1 }) => defineModel<unknown>({
  name: 'update-under-fire', cpus: 1, parameters: { irqs },
  setup: () => {
    boot(1)
    addBound(0)
  },
  threads: [{
    run: () => {
      ok(bind(0, 1))
      serveUntil(0, irqs)
    },
  }],
  interrupts: arrivals(0, 0, irqs),
})
