// SPDX-License-Identifier: MIT
/**
 * Bit operations, reference counts and a sparse index on words of shared memory.
 */
export {}
