// SPDX-License-Identifier: MIT
/** What the boot CPU does for this package, once, before any other CPU runs. */
import { setupHotplug } from './hotplug.js'
import { setupCalls } from './ipi.js'
import { setupVectors } from './vectors.js'

/** Boot: CPUs 0 to `online` - 1 are online from the beginning; the others park (`cpuPark`) until `cpuUp`. */
export function setupCpus(online: number): void {
  setupVectors()
  setupCalls()
  setupHotplug(online)
}
