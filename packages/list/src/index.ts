// SPDX-License-Identifier: MIT
/**
 * Intrusive doubly linked lists in shared memory, poisoned and checked.
 */
export {}
