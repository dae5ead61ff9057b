// SPDX-License-Identifier: MIT
/** Boot of PCI. */
import { handler, st } from '@bottomhalf/machine'
import { listInit } from '@bottomhalf/list'
import { spinLockInit } from '@bottomhalf/spinlock'
import { Pci, pcidevsLockClass } from './records.js'
import { pciReleaseDevices } from './release.js'

/** What a domain's teardown calls, with the domain, until it answers something else than -ERESTART. */
export const pciReleaseDevicesHandler = handler('pciReleaseDevices', pciReleaseDevices)

/** Boot CPU, once, after `setupPassthroughIo`: no hardware is plugged in, no IOMMU is asked. */
export function setupPci(): void {
  spinLockInit(Pci.base + Pci.lock, pcidevsLockClass)
  listInit(Pci.base + Pci.segments)
  st(Pci.base + Pci.reassign, 0)
}
