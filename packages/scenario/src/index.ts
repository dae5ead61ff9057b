// SPDX-License-Identifier: MIT
/**
 * Scenario files: read, checked, explained.
 */
export {}
