// SPDX-License-Identifier: MIT
/** A device is bound to a domain that dies. */
import { defineModel } from '@bottomhalf/checker'
import type { ModelMaker } from './maker.js'
import { atRestDead } from './rest.js'
import { tearDown } from './teardown.js'
import { addDevice, bind, boot, MESSAGE, theDomain } from './world.js'

export const bindWhileDying: ModelMaker = () => defineModel<unknown>({
  name: 'bind-while-dying', cpus: 2,
  setup: () => {
    boot(2)
    addDevice(theDomain(), 0, MESSAGE)
  },
  threads: [{ run: () => { void bind(0, 0) } }, { run: () => { tearDown(1) } }],
  atRest: () => atRestDead(1),
})
