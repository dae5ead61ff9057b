// SPDX-License-Identifier: MIT
/**
 * The end of a domain's passthrough: its interrupts, then its devices. The domain's teardown calls `pciReleaseDevices`, and
 * calls it again after each -ERESTART.
 *
 * @xen xen/drivers/passthrough/pci.c (pci_clean_dpci_irqs, pci_release_domain_devices)
 * Contexts  control operations on a dying domain whose vCPUs are paused: IF = 1, no lock held.
 * Locks     pcidevs, then eventLock.
 *
 * RL1  A dying domain gets no new binding, so one pass unbinds all there is, and no later pass unbinds it again (H5).
 * RL2  What was unbound may still be active (U6): the state is freed when no record of the domain is (DP-16).
 * RL3  -ERESTART leaves with every lock dropped: the CPU that called may be the one whose softirqs have to run (U4).
 */
import { assert, bug, type Errno, type Ref } from '@bottomhalf/base'
import { Domain, isDomainDying } from '@bottomhalf/domain'
import { ld, load } from '@bottomhalf/machine'
import { releaseBindings } from '@bottomhalf/passthrough-io'
import { spinLock, spinUnlock } from '@bottomhalf/spinlock'
import { takeGroupLocked } from './assign.js'
import { PciDev, pcidevsLock, pcidevsUnlock } from './records.js'
import { nextDevLocked, nextSegmentLocked } from './segment.js'

/**
 * Take everything of passthrough from a domain (PCI-6). -ERESTART: a run of one of its interrupts is not over; serve
 * interrupts and softirqs, then call again. Another errno: a device could not be taken back, and is the domain's still.
 */
export function pciReleaseDevices(d: Ref<'Domain'>): Errno {
  const cleaned = pciCleanDpciIrqs(d)
  if (cleaned !== 0) return cleaned                                                          // RL3
  pcidevsLock()
  const result = takeAllLocked(d)
  pcidevsUnlock()
  return result
}

/** Unbind every interrupt of a domain, once, and free what passthrough keeps of it (PCI-5). -ERESTART: see above. */
export function pciCleanDpciIrqs(d: Ref<'Domain'>): Errno {
  assert(isDomainDying(d), 'the interrupts of a living domain are cleaned', 'PCI-5')
  if (load(d + Domain.hvmIrqDpci) === 0) return 0
  spinLock(d + Domain.eventLock)
  const result = releaseBindings(d)                                                          // RL1, RL2
  spinUnlock(d + Domain.eventLock)
  return result                                                                              // RL3
}

function takeAllLocked(d: Ref<'Domain'>): Errno {
  for (let dev = ownedBy(d); dev !== 0; dev = ownedBy(d)) {
    const result = takeGroupLocked(dev)
    if (result !== 0) return result
    if (ld(dev + PciDev.owner) === d) bug('a device that was taken back is still the domain\'s', 'PCI-6')
  }
  return 0
}

function ownedBy(d: Ref<'Domain'>): Ref<'PciDev'> {
  for (let segment = nextSegmentLocked(0); segment !== 0; segment = nextSegmentLocked(segment)) {
    for (let dev = nextDevLocked(segment, 0); dev !== 0; dev = nextDevLocked(segment, dev)) {
      if (ld(dev + PciDev.owner) === d) return dev
    }
  }
  return 0
}
