// SPDX-License-Identifier: MIT
/** A guest that does not end its lines, and what the time-out of forms A to D does then. */
import { defineModel } from '@bottomhalf/checker'
import { arrivals, type ModelMaker } from './maker.js'
import { atRest } from './rest.js'
import { addBound, boot, LINE, serveUntil, TRANSLATED } from './world.js'

/** One CPU. Device 0 has a line; device 1, if it interrupts (`second`), a message that becomes a line of the same GSI. */
export const timeOut: ModelMaker = ({ irqs = 2, second = 0 }) => defineModel<unknown>({
  name: 'time-out', cpus: 1, parameters: { irqs, second },
  setup: () => {
    boot(1)
    addBound(0, LINE)
    if (second > 0) addBound(1, TRANSLATED)
  },
  threads: [{ run: () => { serveUntil(0, irqs + second) } }],
  interrupts: [...arrivals(0, 0, irqs), ...arrivals(1, 0, second)],
  atRest: () => atRest(),
})
