// SPDX-License-Identifier: MIT
/**
 * Readers of recorded interrupt traces.
 */
export {}
