// SPDX-License-Identifier: MIT
/**
 * Callbacks that run after every CPU has passed a quiescent point.
 */
export {}
