// SPDX-License-Identifier: MIT
/**
 * Machine interrupts: descriptors, controllers, binding to guests.
 */
export {}
