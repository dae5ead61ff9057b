// SPDX-License-Identifier: MIT
/** Another CPU is inside a record when its interrupt comes; interrupts of a second record come in between. */
import { defineModel } from '@bottomhalf/checker'
import { fetchAnd, store } from '@bottomhalf/machine'
import { DPCI_RUN, HvmPirqDpci } from '@bottomhalf/passthrough-io/variant'
import { arrivals, type ModelMaker } from './maker.js'
import { atRest } from './rest.js'
import { addBound, boot, recordOf, serveUntil } from './world.js'

/** CPU 1 is inside device 0's record, and leaves it; CPU 0 takes everything. */
export const crowded: ModelMaker = ({ second = 1 }) => defineModel<unknown>({
  name: 'crowded', cpus: 2, parameters: { second },
  setup: () => {
    boot(2)
    addBound(0)
    addBound(1)
    store(recordOf(0) + HvmPirqDpci.state, DPCI_RUN)
  },
  threads: [
    { run: () => { serveUntil(0, 1 + second) } },
    { run: () => { fetchAnd(recordOf(0) + HvmPirqDpci.state, ~DPCI_RUN) } },
  ],
  interrupts: [...arrivals(0, 0, 1), ...arrivals(1, 0, second)],
  atRest: () => atRest(),
})
