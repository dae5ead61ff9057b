// SPDX-License-Identifier: MIT
/**
 * Tasklets: deferred work that runs on one CPU at a time.
 */
export {}
