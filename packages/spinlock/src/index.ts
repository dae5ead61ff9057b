// SPDX-License-Identifier: MIT
/**
 * Spinlocks in shared memory: plain, irq-safe, recursive, reader/writer; order checks and profiling.
 */
export {}
