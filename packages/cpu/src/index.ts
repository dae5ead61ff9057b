// SPDX-License-Identifier: MIT
/**
 * CPU masks, hotplug notifiers, inter-processor interrupts and the idle loop.
 */
export {}
