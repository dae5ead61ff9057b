// SPDX-License-Identifier: MIT
/**
 * Build tool: turns plain functions on shared memory into generators that stop before each access.
 */
export {}
