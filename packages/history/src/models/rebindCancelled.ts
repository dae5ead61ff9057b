// SPDX-License-Identifier: MIT
/** A record was cancelled and is still linked at CPU 0 when CPU 1 binds it again, and an interrupt comes. */
import { ERESTART } from '@bottomhalf/base'
import { defineModel } from '@bottomhalf/checker'
import { arrivals, type ModelMaker } from './maker.js'
import { atRest } from './rest.js'
import { addBound, arrive, awaitRest, bind, boot, ok, serveUntil, unbind } from './world.js'

export const rebindCancelled: ModelMaker = ({ irqs = 1 }) => defineModel<unknown>({
  name: 'rebind-cancelled', cpus: 2, parameters: { irqs },
  setup: () => {
    boot(2)
    addBound(0)
    arrive(0)
    unbind(0, 0)
  },
  threads: [{ run: () => { serveUntil(0, 1 + irqs) } }, { run: () => { bindAgain() } }],
  interrupts: arrivals(0, 0, irqs),
  atRest: () => atRest(),
})

function bindAgain(): void {
  let result = bind(0, 1)
  while (result === -ERESTART) {
    awaitRest(0)
    result = bind(0, 1)
  }
  ok(result)
}
