// SPDX-License-Identifier: MIT
/**
 * The engine that runs a small model through every interleaving.
 */
export {}
