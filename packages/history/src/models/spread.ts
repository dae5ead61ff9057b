// SPDX-License-Identifier: MIT
/** One interrupt comes to several CPUs that serve it at the same time. */
import { defineModel } from '@bottomhalf/checker'
import { arrivals, strikes, type ModelMaker } from './maker.js'
import { atRest } from './rest.js'
import { addBound, boot, serveUntil } from './world.js'

/** `irqs` of them, dealt in turn; and `second` of another device at CPU 0. */
export const spread: ModelMaker = ({ cpus = 2, irqs = 2, second = 0, debug = 0 }) => defineModel<unknown>({
  name: 'spread', cpus, parameters: { cpus, irqs, second, debug }, debug: debug !== 0,
  setup: () => {
    boot(cpus)
    addBound(0)
    if (second > 0) addBound(1)
  },
  threads: Array.from({ length: cpus }, (_, cpu) => ({
    run: () => { serveUntil(cpu, strikes(cpu, cpus, irqs, 1) + (cpu === 0 ? second : 0)) },
  })),
  interrupts: [
    ...Array.from({ length: cpus }, (_, cpu) => arrivals(0, cpu, strikes(cpu, cpus, irqs, 1))).flat(),
    ...arrivals(1, 0, second),
  ],
  atRest: () => atRest(),
})
