// SPDX-License-Identifier: MIT
/** A binding is undone and made again while its interrupts arrive. */
import { ERESTART } from '@bottomhalf/base'
import { defineModel } from '@bottomhalf/checker'
import { arrivals, strikes, type ModelMaker } from './maker.js'
import { atRest } from './rest.js'
import { addBound, awaitRest, bind, boot, ok, requireBound, serveUntil, unbind } from './world.js'

/** CPU 0 takes interrupts; the last CPU controls, or CPU 0 itself if there is no other. */
export const rebindUnderFire: ModelMaker = ({
  cpus = 2, irqs = 2, rebinds = 1, second = 0, spread = 0,
}) => defineModel<unknown>({
  name: 'rebind-under-fire', cpus,
  parameters: { cpus, irqs, rebinds, second, spread },
  setup: () => {
    boot(cpus)
    addBound(0)
    if (second > 0) addBound(1)
  },
  threads: Array.from({ length: cpus }, (_, cpu) => ({
    run: () => {
      if (cpu === cpus - 1) control(rebinds)
      serveUntil(cpu, strikes(cpu, cpus, irqs, spread) + (cpu === 0 ? second : 0))
    },
  })),
  interrupts: [
    ...Array.from({ length: cpus }, (_, cpu) => arrivals(0, cpu, strikes(cpu, cpus, irqs, spread))).flat(),
    ...arrivals(1, 0, second),
  ],
  atRest: () => atRest(),
})

function control(rebinds: number): void {
  for (let generation = 0; generation < rebinds; generation++) {
    unbind(0, generation)
    let result = bind(0, generation + 1)
    while (result === -ERESTART) {
      awaitRest(0)
      result = bind(0, generation + 1)
    }
    ok(result)
    requireBound(0)
  }
}
