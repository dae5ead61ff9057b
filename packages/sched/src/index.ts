// SPDX-License-Identifier: MIT
/**
 * VCPU runstates and the scheduler that picks the next one.
 */
export {}
