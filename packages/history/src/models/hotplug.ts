// SPDX-License-Identifier: MIT
/** A CPU goes down, by all that `cpuDown` does, while a device that is aimed at it interrupts; and may come back. */
import { defineModel, DEVICE } from '@bottomhalf/checker'
import { cpuDown, cpuUp } from '@bottomhalf/cpu'
import type { ModelMaker } from './maker.js'
import { atRest } from './rest.js'
import { addLive, boot, foot, ok, send } from './world.js'

/** CPU 0 takes CPU 1 down, and with `up` brings it back. The device sends `irqs` messages, at first to CPU 1. */
export const hotplug: ModelMaker = ({ irqs = 1, up = 0 }) => defineModel<unknown>({
  name: 'hotplug', cpus: 2, parameters: { irqs, up },
  setup: () => {
    boot(2)
    addLive(0, 1)
  },
  threads: [
    {
      run: () => {
        ok(cpuDown(1))
        if (up > 0) ok(cpuUp(1))
        foot()
      },
    },
    { run: () => { foot() } },
    { cpu: DEVICE, run: () => { for (let n = 0; n < irqs; n++) send(0) } },
  ],
  atRest: () => atRest(),
})
