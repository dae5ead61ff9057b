// SPDX-License-Identifier: MIT
/**
 * Phantom functions: requester ids that a device uses beside that of its function, to have more requests open at once.
 *
 * @xen xen/drivers/passthrough/pci.c (pci_get_real_pdev)
 * Locks     pcidevs, held by the caller.
 */
import type { Ref } from '@bottomhalf/base'
import { ld } from '@bottomhalf/machine'
import { PciDev } from './records.js'
import { devLocked } from './segment.js'

/** The device behind a requester id: the one there, or the one whose phantom function it is; 0 if nobody's. */
export function realDevLocked(sbdf: number): Ref<'PciDev'> {
  const known = devLocked(sbdf)
  if (known !== 0) return known
  const fn = sbdf & 7
  for (let real = fn - 1; real >= 0; real--) {
    const dev = devLocked(sbdf - fn + real)
    const stride = dev === 0 ? 0 : ld(dev + PciDev.phantomStride)
    if (stride !== 0 && (fn - real) % stride === 0) return dev
  }
  return 0
}
