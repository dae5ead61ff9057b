// SPDX-License-Identifier: MIT
/** A binding is undone while its interrupts arrive, and stays so. */
import { defineModel } from '@bottomhalf/checker'
import { arrivals, type ModelMaker } from './maker.js'
import { atRest } from './rest.js'
import { addBound, boot, serveUntil, unbind } from './world.js'

/** CPU 0 takes interrupts of a message (kind 0) or a line (kind 1), CPU 1 unbinds. */
export const unbindUnderFire: ModelMaker = ({ irqs = 2, kind = 0 }) => defineModel<unknown>({
  name: 'unbind-under-fire', cpus: 2, parameters: { irqs, kind },
  setup: () => {
    boot(2)
    addBound(0, kind)
  },
  threads: [{ run: () => { serveUntil(0, irqs) } }, { run: () => { unbind(0, 0) } }],
  interrupts: arrivals(0, 0, irqs),
  atRest: () => atRest(),
})
