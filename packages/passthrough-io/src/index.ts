// SPDX-License-Identifier: MIT
/**
 * Interrupts of passed-through devices, from the line to the guest.
 */
export {}
