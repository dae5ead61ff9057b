// SPDX-License-Identifier: MIT
/**
 * Boot order, the loop of a pCPU and control operations: the front door.
 */
export {}
