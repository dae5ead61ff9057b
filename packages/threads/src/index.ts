// SPDX-License-Identifier: MIT
/**
 * The engine that runs a machine on real worker threads, one per pCPU.
 */
export {}
