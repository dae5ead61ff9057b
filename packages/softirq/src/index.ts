// SPDX-License-Identifier: MIT
/**
 * Per-CPU softirqs: a pending word per CPU, served lowest bit first.
 */
export {}
