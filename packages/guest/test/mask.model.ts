// SPDX-License-Identifier: MIT
/** A good guest and one that masks its message, with a device each: what `mask.stepped.test.ts` runs. */
import { everythingFreed, requests } from '@bottomhalf/hypervisor'
import { MSI_GUEST_MASKED, MsiEntry } from '@bottomhalf/irq'
import { cpuRelax, ld, load, requestStop, Stop } from '@bottomhalf/machine'
import type { DomId, Pirq } from '@bottomhalf/base'
import { Device, deviceArrival, Driver } from '../src/index.js'
import { control, wire, type Pair } from './machine.model.js'

/** The second guest masks at its second interrupt; then both devices interrupt `arrivals` times. */
export function conductMasker(arrivals: number): Pair[] {
  const pairs = [wire(0, 0), wire(1, 0, { maskForEver: 2 })]
  const [good, masker] = pairs as [Pair, Pair]
  deviceArrival(masker.device)
  while (ld(masker.driver + Driver.consumed) !== 1) cpuRelax()
  deviceArrival(masker.device)
  while ((load(masker.device + Device.msi + MsiEntry.control) & MSI_GUEST_MASKED) === 0) cpuRelax()
  for (let i = 0; i < arrivals; i++) for (const { device } of pairs) deviceArrival(device)
  while (ld(good.driver + Driver.consumed) !== arrivals) cpuRelax()
  for (const { domId } of pairs) control(requests.unbindMsi(domId as DomId, 3 as Pirq))
  while (!everythingFreed()) cpuRelax()
  requestStop(Stop.Requested)
  return pairs
}
