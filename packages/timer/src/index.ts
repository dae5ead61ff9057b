// SPDX-License-Identifier: MIT
/**
 * Per-CPU timers in a heap of deadlines, run from a softirq.
 */
export {}
