// SPDX-License-Identifier: MIT
/** A CPU goes with records on its list; another takes over what it left. */
import { defineModel } from '@bottomhalf/checker'
import { AWAIT_NE, awaitWord, global, irqDisable, store, word } from '@bottomhalf/machine'
import { protocolCpuDead } from '@bottomhalf/passthrough-io'
import { taskletCpuDead } from '@bottomhalf/tasklet'
import { arrivals, type ModelMaker } from './maker.js'
import { atRest } from './rest.js'
import { addBound, boot, serveUntil } from './world.js'

const Death = global('historyCpuDeath', {
  // atomic: whether CPU 1 is gone
  dead: word,
})

/** CPU 1 takes up to `irqs` interrupts and goes; CPU 0 takes over, up to `others` of them, and up to `second` of another device. */
export const cpuDeath: ModelMaker = ({ irqs = 1, others = 0, second = 0 }) => defineModel<unknown>({
  name: 'cpu-death', cpus: 2, parameters: { irqs, others, second },
  setup: () => {
    boot(2)
    addBound(0)
    if (second > 0) addBound(1)
  },
  threads: [{ run: () => { takeOver() } }, { run: () => { go() } }],
  interrupts: [...arrivals(0, 0, others), ...arrivals(1, 0, second), ...arrivals(0, 1, irqs)],
  atRest: () => atRest(),
})

function go(): void {
  irqDisable()
  store(Death.base + Death.dead, 1)
}

function takeOver(): void {
  awaitWord(Death.base + Death.dead, AWAIT_NE, 0)
  protocolCpuDead(1)
  taskletCpuDead(1)
  serveUntil(0, Infinity)                                    // it sleeps in the end: what comes later wakes it
}
