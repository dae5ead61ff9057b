// SPDX-License-Identifier: MIT
/** A domain is killed, by all that `domainKill` does, while its device interrupts; its memory is gone in the end. */
import { EAGAIN, type DomId, type Errno } from '@bottomhalf/base'
import { defineModel, DEVICE } from '@bottomhalf/checker'
import { domainById, domainKill, setRelinquishOperations } from '@bottomhalf/domain'
import { pciReleaseDevicesHandler, setupPci } from '@bottomhalf/passthrough-pci'
import type { ModelMaker } from './maker.js'
import { addLive, awaitRest, boot, closeBinding, foot, isBound, ok, send, theDomain } from './world.js'

/** CPU 1 kills the domain; each of `devices` sends `irqs` messages to CPU 0. */
export const kill: ModelMaker = ({ irqs = 1, devices = 1 }) => defineModel<unknown>({
  name: 'kill', cpus: 2, parameters: { irqs, devices },
  setup: () => {
    boot(2)
    setupPci()
    setRelinquishOperations({ devices: pciReleaseDevicesHandler })
    for (let n = 0; n < devices; n++) addLive(n, 0)
  },
  threads: [
    { run: () => { foot() } },
    {
      run: () => {
        killDomain(devices)
        foot()
      },
    },
    ...Array.from({ length: devices }, (_, n) => ({
      cpu: DEVICE, run: () => { for (let sent = 0; sent < irqs; sent++) send(n) },
    })),
  ],
  atRest: () => {
    if (domainById(1 as DomId) !== 0) return 'I4: a domain that was killed is not gone'
    return isBound(0) ? 'I11: a binding outlives its domain' : undefined
  },
})

function killDomain(devices: number): void {
  let result: Errno = domainKill(theDomain())
  // who only tried again could take the lock for ever before the run that wants it
  while (result === -EAGAIN) {
    for (let n = 0; n < devices; n++) awaitRest(n)
    result = domainKill(theDomain())
  }
  ok(result)
  for (let n = 0; n < devices; n++) closeBinding(n, 0)                                       // I2
}
