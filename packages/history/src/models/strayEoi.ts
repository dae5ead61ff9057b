// SPDX-License-Identifier: MIT
/** A guest ends a line that nobody asserted; later interrupts come, and it ends them all by one EOI. */
import { defineModel } from '@bottomhalf/checker'
import { ld } from '@bottomhalf/machine'
import { hvmDpciEoi } from '@bottomhalf/passthrough-io'
import { HvmPirqDpci } from '@bottomhalf/passthrough-io/variant'
import { arrivals, type ModelMaker } from './maker.js'
import { addBound, boot, GSI, LINE, recordOf, serveUntil } from './world.js'

export const strayEoi: ModelMaker = ({ irqs = 1 }) => defineModel<unknown>({
  name: 'stray-eoi', cpus: 1, parameters: { irqs },
  setup: () => {
    boot(1)
    addBound(0, LINE)
  },
  threads: [{
    run: () => {
      hvmDpciEoi(GSI)
      serveUntil(0, irqs)
      hvmDpciEoi(GSI)
    },
  }],
  interrupts: arrivals(0, 0, irqs),
  atRest: () => ld(recordOf(0) + HvmPirqDpci.pending) === 0 ? undefined : 'I10: a line that the guest has ended is not released',
})
